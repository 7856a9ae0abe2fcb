package sqldb

import (
	"context"
	"encoding/json"
	"fmt"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"roost/internal/cursors"
)

// Lists reads pages of many owners' lists at once: rows of Table that belong to an owner, ordered by a
// unique Place. The names and the condition are SQL of the caller's, never input.
type Lists struct {
	Table, Owner, Place, Item, Where string
}

// Row is an entry of a list.
type Row struct{ Place, Item int64 }

// Key asks for a part of one owner's list.
type Key struct {
	Owner  int64
	Window cursors.Window
}

// shape is what keys must share to be read by one statement.
type shape struct {
	size     int
	backward bool
}

// Pages reads the pages of all keys, one statement for each page size and direction among them. Each
// statement reads at most page size + 1 rows an owner from the index on (Owner, Place).
func (l Lists) Pages(ctx context.Context, d *Driver, keys []Key) (map[Key]cursors.Page[Row], error) {
	groups := map[shape][]Key{}
	for _, k := range keys {
		s := shape{k.Window.Size, k.Window.Backward}
		groups[s] = append(groups[s], k)
	}
	out := make(map[Key]cursors.Page[Row], len(keys))
	for s, group := range groups {
		rows, err := l.read(ctx, d, s, group)
		if err != nil {
			return nil, fmt.Errorf("read pages of %s: %w", l.Table, err)
		}
		for i, k := range group {
			out[k] = cursors.Cut(k.Window, rows[i])
		}
	}
	return out, nil
}

func (l Lists) read(ctx context.Context, d *Driver, s shape, keys []Key) ([][]Row, error) {
	query, args := l.statement(d, s, keys)
	rows, err := d.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := make([][]Row, len(keys))
	for rows.Next() {
		var n int
		var r Row
		if err := rows.Scan(&n, &r.Place, &r.Item); err != nil {
			return nil, err
		}
		out[n] = append(out[n], r)
	}
	return out, rows.Err()
}

func (l Lists) statement(d *Driver, s shape, keys []Key) (string, []any) {
	order := "DESC"
	if s.backward {
		order = "ASC"
	}
	if d.dialect == dialect.Postgres {
		owners, above, below := make([]int64, len(keys)), make([]int64, len(keys)), make([]int64, len(keys))
		for i, k := range keys {
			owners[i], above[i], below[i] = k.Owner, k.Window.Above, k.Window.Below
		}
		return fmt.Sprintf(`SELECT k.n - 1, t.place, t.item
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS k(owner, above, below, n)
			CROSS JOIN LATERAL (SELECT %[3]s AS place, %[4]s AS item FROM %[1]s
				WHERE %[2]s = k.owner AND %[5]s AND %[3]s < k.above AND %[3]s > k.below
				ORDER BY %[3]s %[6]s LIMIT $4) AS t
			ORDER BY k.n, t.place %[6]s`, l.Table, l.Owner, l.Place, l.Item, l.Where, order),
			[]any{pq.Array(owners), pq.Array(above), pq.Array(below), s.size + 1}
	}
	list := make([][3]int64, len(keys))
	for i, k := range keys {
		list[i] = [3]int64{k.Owner, k.Window.Above, k.Window.Below}
	}
	// Numbers always encode.
	text, _ := json.Marshal(list)
	return fmt.Sprintf(`SELECT k.key, t.%[3]s, t.%[4]s FROM json_each($1) AS k
		JOIN %[1]s AS t ON t.rowid IN (SELECT rowid FROM %[1]s
			WHERE %[2]s = json_extract(k.value, '$[0]') AND %[5]s
			AND %[3]s < json_extract(k.value, '$[1]') AND %[3]s > json_extract(k.value, '$[2]')
			ORDER BY %[3]s %[6]s LIMIT $2)
		ORDER BY k.key, t.%[3]s %[6]s`, l.Table, l.Owner, l.Place, l.Item, l.Where, order),
		[]any{string(text), s.size + 1}
}
