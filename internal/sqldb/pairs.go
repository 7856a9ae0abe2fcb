package sqldb

import (
	"context"
	"encoding/json"
	"fmt"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
)

// Pairs reads rows of Table whose primary key is the pair of ids (Holder, Other) or (Other, Holder). Flag is a boolean column
// that must be set in these rows. The names are SQL that the caller wrote, never input.
type Pairs struct {
	Table, Holder, Other, Flag string
}

// Among returns those of the others with whom one holder has a flagged row, in one statement.
//
// It reads the one row of each pair through the primary key, and never all rows of the holder, although an index-only scan of
// these may look cheaper to the planner. Two things ensure this. The flag is tested outside of the inner query, so an index of
// flagged rows cannot be used; and LIMIT keeps the planner from merging the inner query into a join in another order.
func (p Pairs) Among(ctx context.Context, d *Driver, holder int64, others []int64) (map[int64]bool, error) {
	ids, err := ScanAll(ctx, d, p.statement(d), []any{holder, d.List(others)}, Column[int64])
	if err != nil {
		return nil, fmt.Errorf("read pairs of %s: %w", p.Table, err)
	}
	out := make(map[int64]bool, len(others))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

func (p Pairs) statement(d *Driver) string {
	if d.dialect == dialect.Postgres {
		return fmt.Sprintf(`SELECT k.id FROM unnest($2::bigint[]) AS k(id)
			CROSS JOIN LATERAL (SELECT %[4]s FROM %[1]s WHERE %[2]s = $1 AND %[3]s = k.id LIMIT 1) AS t
			WHERE t.%[4]s`, p.Table, p.Holder, p.Other, p.Flag)
	}
	// CROSS JOIN makes SQLite keep the order of the tables; + keeps it from using an index of flagged rows.
	return fmt.Sprintf(`SELECT k.value FROM json_each($2) AS k CROSS JOIN %[1]s AS t
		WHERE t.%[2]s = $1 AND t.%[3]s = k.value AND +t.%[4]s`, p.Table, p.Holder, p.Other, p.Flag)
}

// Pair is the primary key of a row of a PairTable, in the order of the key.
type Pair struct{ First, Second int64 }

// PairRow is a row of a PairTable: its value, and its version.
type PairRow struct{ Value, Version int64 }

// PairTable is a table whose primary key is a pair of ids, and whose rows have versions. Value is an SQL expression for an
// integer of a row. The names are SQL that the caller wrote, never input.
type PairTable struct {
	Table, First, Second, Value string
}

// ReadPairs reads the rows of keys in one statement, each through the primary key. Keys without a row are left out. pair returns
// the primary key of a key, and value makes the result from a row.
func ReadPairs[K comparable, V any](ctx context.Context, d *Driver, p PairTable, keys []K, pair func(K) Pair,
	value func(PairRow) V) (map[K]V, error) {
	pairs, asked := make([]Pair, len(keys)), make(map[Pair]K, len(keys))
	for i, k := range keys {
		pairs[i] = pair(k)
		asked[pairs[i]] = k
	}
	query, args := p.statement(d, pairs)
	type row struct {
		Pair
		PairRow
	}
	rows, err := ScanAll(ctx, d, query, args, func(r *row) []any { return []any{&r.First, &r.Second, &r.Value, &r.Version} })
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Table, err)
	}
	out := make(map[K]V, len(keys))
	for _, r := range rows {
		out[asked[r.Pair]] = value(r.PairRow)
	}
	return out, nil
}

func (p PairTable) statement(d *Driver, pairs []Pair) (string, []any) {
	if d.dialect == dialect.Postgres {
		first, second := make([]int64, len(pairs)), make([]int64, len(pairs))
		for i, k := range pairs {
			first[i], second[i] = k.First, k.Second
		}
		return fmt.Sprintf(`SELECT k.a, k.b, t.value, t.version FROM unnest($1::bigint[], $2::bigint[]) AS k(a, b)
			CROSS JOIN LATERAL (SELECT %[4]s AS value, version FROM %[1]s WHERE %[2]s = k.a AND %[3]s = k.b LIMIT 1) AS t`,
			p.Table, p.First, p.Second, p.Value), []any{pq.Array(first), pq.Array(second)}
	}
	list := make([][2]int64, len(pairs))
	for i, k := range pairs {
		list[i] = [2]int64{k.First, k.Second}
	}
	text, _ := json.Marshal(list) // numbers always encode
	return fmt.Sprintf(`SELECT t.%[2]s, t.%[3]s, %[4]s, t.version FROM json_each($1) AS k CROSS JOIN %[1]s AS t
		WHERE t.%[2]s = json_extract(k.value, '$[0]') AND t.%[3]s = json_extract(k.value, '$[1]')`,
		p.Table, p.First, p.Second, p.Value), []any{string(text)}
}
