package sqldb

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"

	"roost/internal/cursors"
)

// Lists reads pages of many owners' lists at once. A list consists of the rows of Table that belong to an owner, ordered by
// the unique SortKey. By is SQL for Row.By; empty is 0. The names and the condition are SQL that the caller wrote, never input.
type Lists struct {
	Table, Owner, SortKey, Item, By, Where string
}

// Union is lists that are read as one. Their sort keys are unique together.
type Union []Lists

// Row is an entry of a list. By is the user who has brought the item there; 0 in lists whose items are there by themselves.
type Row struct{ SortKey, Item, By int64 }

// Key asks for a part of one owner's list. Kinds says which kinds of items it has, where its reader distinguishes several. Matching is the
// search that its items match, where its reader can search; empty for all items.
type Key struct {
	Owner    int64
	Window   cursors.Window
	Kinds    uint8
	Matching string
}

// shape is what keys have in common that are read by one statement.
type shape struct {
	size     int
	backward bool
}

// Pages reads the pages of all keys, in one statement for each page size and direction among them. Each statement reads at most
// page size + 1 rows of each owner from the index on (Owner, SortKey).
func (l Lists) Pages(ctx context.Context, d *Driver, keys []Key) (map[Key]cursors.Page[Row], error) {
	return Union{l}.Pages(ctx, d, keys)
}

// Pages is Lists.Pages for all lists together. Each statement reads at most page size + 1 rows of each owner and list.
func (l Union) Pages(ctx context.Context, d *Driver, keys []Key) (map[Key]cursors.Page[Row], error) {
	groups := map[shape][]Key{}
	for _, k := range keys {
		s := shape{k.Window.Size, k.Window.Backward}
		groups[s] = append(groups[s], k)
	}
	out := make(map[Key]cursors.Page[Row], len(keys))
	for s, group := range groups {
		rows, err := l.read(ctx, d, s, group)
		if err != nil {
			return nil, fmt.Errorf("read pages of %s: %w", l[0].Table, err)
		}
		for i, k := range group {
			out[k] = cursors.Cut(k.Window, rows[i])
		}
	}
	return out, nil
}

func (l Union) read(ctx context.Context, d *Driver, s shape, keys []Key) ([][]Row, error) {
	query, args := l.statement(d, s, keys)
	type row struct {
		n int
		Row
	}
	rows, err := ScanAll(ctx, d, query, args, func(r *row) []any { return []any{&r.n, &r.SortKey, &r.Item, &r.By} })
	if err != nil {
		return nil, err
	}
	out := make([][]Row, len(keys))
	for _, r := range rows {
		out[r.n] = append(out[r.n], r.Row)
	}
	return out, nil
}

func (l Union) statement(d *Driver, s shape, keys []Key) (string, []any) {
	order := "DESC"
	if s.backward {
		order = "ASC"
	}
	if d.dialect == dialect.Postgres {
		owners, above, below := make([]int64, len(keys)), make([]int64, len(keys)), make([]int64, len(keys))
		for i, k := range keys {
			owners[i], above[i], below[i] = k.Owner, k.Window.Above, k.Window.Below
		}
		return fmt.Sprintf(`SELECT k.n - 1, t.sort_key, t.item, t.by
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS k(owner, above, below, n)
			CROSS JOIN LATERAL (%s) AS t
			ORDER BY k.n, t.sort_key %s`, l.each(func(l Lists) string {
			return fmt.Sprintf(`(SELECT %[2]s AS sort_key, %[3]s AS item, %[4]s::bigint AS by FROM %[1]s
				WHERE %[5]s = k.owner AND %[6]s AND %[2]s < k.above AND %[2]s > k.below
				ORDER BY %[2]s %[7]s LIMIT %[8]s)`, l.Table, l.SortKey, l.Item, l.by(), l.Owner, l.Where, order, InOrder("$4"))
		}), order), []any{pq.Array(owners), pq.Array(above), pq.Array(below), s.size + 1}
	}
	list := make([][3]int64, len(keys))
	for i, k := range keys {
		list[i] = [3]int64{k.Owner, k.Window.Above, k.Window.Below}
	}
	// Numbers always encode.
	text, _ := json.Marshal(list)
	return fmt.Sprintf(`%s ORDER BY 1, 2 %s`, l.each(func(l Lists) string {
		return fmt.Sprintf(`SELECT k.key, t.%[2]s, t.%[3]s, %[4]s FROM json_each($1) AS k
		JOIN %[1]s AS t ON t.rowid IN (SELECT rowid FROM %[1]s
			WHERE %[5]s = json_extract(k.value, '$[0]') AND %[6]s
			AND %[2]s < json_extract(k.value, '$[1]') AND %[2]s > json_extract(k.value, '$[2]')
			ORDER BY %[2]s %[7]s LIMIT $2)`, l.Table, l.SortKey, l.Item, l.by(), l.Owner, l.Where, order)
	}), order), []any{string(text), s.size + 1}
}

func (l Lists) by() string { return cmp.Or(l.By, "0") }

// each joins the statements of all lists.
func (l Union) each(statement func(l Lists) string) string {
	all := make([]string, len(l))
	for i, one := range l {
		all[i] = statement(one)
	}
	return strings.Join(all, " UNION ALL ")
}

// InOrder returns SQL for the number in a LIMIT whose value PostgreSQL's planner cannot see. It is for a part of a statement
// that runs for each of many owners, and that must read an owner's rows through an index in order, and only as many as the LIMIT.
//
// A planner that sees the number compares it with the few rows that an owner has on average. It concludes that all rows will be
// read anyway, and may fetch and sort all of them, even for an owner with thousands of rows. For a number that the planner does
// not see, it assumes that a tenth of the rows is enough, so sorting all rows first never seems worthwhile.
func InOrder(arg string) string { return "(SELECT " + arg + "::bigint)" }

// Newest returns an ent predicate that holds if the row is among the n rows of an owner with the highest keys. Only these n
// rows are read, through the index on (column, key).
func Newest(column, key string, owner int64, n int) func(*entsql.Selector) {
	return func(s *entsql.Selector) {
		before, after := s.C(key)+" IN (SELECT "+key+" FROM "+s.TableName()+" WHERE "+column+" = ",
			fmt.Sprintf(" ORDER BY %s DESC LIMIT %d)", key, n)
		if s.Dialect() == dialect.Postgres {
			// The planner must not see that the owner has thousands of rows, either.
			before = s.C(key) + " = ANY(ARRAY(SELECT t.key FROM unnest(ARRAY["
			after = fmt.Sprintf("]::bigint[]) AS k(owner) CROSS JOIN LATERAL ("+
				"SELECT %[1]s AS key FROM %[2]s WHERE %[3]s = k.owner ORDER BY %[1]s DESC LIMIT %[4]s) AS t))",
				key, s.TableName(), column, InOrder(strconv.Itoa(n)))
		}
		s.Where(entsql.P(func(b *entsql.Builder) { b.WriteString(before).Arg(owner).WriteString(after) }))
	}
}
