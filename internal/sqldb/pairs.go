package sqldb

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
)

// Pairs asks about rows whose primary key is a pair of ids: Table (Holder, Other) or the other way round.
// The names are SQL of the caller's, never input; Flag is a boolean column that rows must have set.
type Pairs struct {
	Table, Holder, Other, Flag string
}

// Among tells which of the others one holder has a flagged row with, in one statement.
//
// It reads the one row of each pair through the primary key, never all rows of the holder, though those may
// be in an index without their pages in the table: the flag is looked at outside of the inner query, so
// that an index of flagged rows does not fit, and LIMIT keeps the inner query from being merged and turned
// into a join in another order.
func (p Pairs) Among(ctx context.Context, d *Driver, holder int64, others []int64) (map[int64]bool, error) {
	rows, err := d.QueryContext(ctx, p.statement(d), holder, d.List(others))
	if err != nil {
		return nil, fmt.Errorf("read pairs of %s: %w", p.Table, err)
	}
	defer func() { _ = rows.Close() }()
	out := make(map[int64]bool, len(others))
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read pairs of %s: %w", p.Table, err)
		}
		out[id] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read pairs of %s: %w", p.Table, err)
	}
	return out, nil
}

func (p Pairs) statement(d *Driver) string {
	if d.dialect == dialect.Postgres {
		return fmt.Sprintf(`SELECT k.id FROM unnest($2::bigint[]) AS k(id)
			CROSS JOIN LATERAL (SELECT %[4]s FROM %[1]s WHERE %[2]s = $1 AND %[3]s = k.id LIMIT 1) AS t
			WHERE t.%[4]s`, p.Table, p.Holder, p.Other, p.Flag)
	}
	// CROSS JOIN keeps SQLite's order; + keeps an index of flagged rows out.
	return fmt.Sprintf(`SELECT k.value FROM json_each($2) AS k CROSS JOIN %[1]s AS t
		WHERE t.%[2]s = $1 AND t.%[3]s = k.value AND +t.%[4]s`, p.Table, p.Holder, p.Other, p.Flag)
}
