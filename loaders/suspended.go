package loaders

import (
	"context"

	"roost/internal/cursors"
	"roost/internal/sqldb"
)

type (
	page  = cursors.Page[sqldb.Row]
	pages = map[sqldb.Key]page
)

// readPages reads pages of lists from SQL.
type readPages func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error)

func item(e sqldb.Row) int64 { return e.Item }

func by(e sqldb.Row) int64 { return e.By }

// withoutBy is for lists in which By is not who has brought the item.
func withoutBy(e sqldb.Row) sqldb.Row {
	e.By = 0
	return e
}

// lookedAt are how many entries are looked at to fill up the pages of one level of a query from which entries were left out, one number for
// each statement. So what a level reads is bounded, however many suspended users there are in its lists, and so is what a page passes over.
var lookedAt = [...]int{50, 500, 5000}

// withoutSuspended reads pages without the entries of suspended users. user returns whose entry one is; 0 for an entry that is not visible
// for another reason. bare removes from an entry what only user needs; it may be nil.
//
// If entries were left out, further statements fill the page up. A page may be shorter than it was asked for, although the list goes on, if
// more entries follow each other that are left out than lookedAt allows. If there is none to show before that, the list ends there.
func withoutSuspended(read readPages, user func(e sqldb.Row) int64, bare func(e sqldb.Row) sqldb.Row) readPages {
	return func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error) {
		suspended := s.sources.Rows.Suspended()
		shown := func(items []sqldb.Row) []sqldb.Row {
			out := items[:0]
			for _, e := range items {
				if id := user(e); id != 0 && !suspended.Has(id) {
					if bare != nil {
						e = bare(e)
					}
					out = append(out, e)
				}
			}
			return out
		}
		out, err := read(ctx, s, keys)
		if err != nil {
			return nil, err
		}
		rest := map[sqldb.Key]sqldb.Key{} // by key of a page that is short: what follows it
		for k, p := range out {
			w, n := after(k.Window, p), len(p.Items)
			p.Items = shown(p.Items)
			if out[k] = p; p.More && len(p.Items) < n {
				rest[k] = sqldb.Key{Owner: k.Owner, Kinds: k.Kinds, Window: w}
			}
		}
		for _, n := range lookedAt {
			if len(rest) == 0 {
				break
			}
			if rest, err = fillUp(ctx, s, read, shown, out, rest, max(1, n/len(rest))); err != nil {
				return nil, err
			}
		}
		for k := range rest {
			if p := out[k]; len(p.Items) == 0 { // a page that goes on has a cursor
				out[k] = page{}
			}
		}
		return out, nil
	}
}

// fillUp adds what follows short pages, n entries of each list, and returns what then follows those that are still short.
func fillUp(ctx context.Context, s *Set, read readPages, shown func([]sqldb.Row) []sqldb.Row, to pages, rest map[sqldb.Key]sqldb.Key, n int,
) (map[sqldb.Key]sqldb.Key, error) {
	asked := make([]sqldb.Key, 0, len(rest))
	for k, next := range rest {
		next.Window.Size = n
		rest[k], asked = next, append(asked, next)
	}
	found, err := read(ctx, s, asked)
	if err != nil {
		return nil, err
	}
	still := map[sqldb.Key]sqldb.Key{}
	for k, next := range rest {
		more := found[next]
		next.Window = after(next.Window, more)
		items := shown(more.Items)
		full := page{Items: append(to[k].Items, items...), More: more.More}
		if k.Window.Backward {
			full.Items = append(items, to[k].Items...)
		}
		if over := len(full.Items) - k.Window.Size; over > 0 {
			if full.More = true; k.Window.Backward {
				full.Items = full.Items[over:]
			} else {
				full.Items = full.Items[:k.Window.Size]
			}
		}
		if to[k] = full; full.More && len(full.Items) < k.Window.Size {
			still[k] = next
		}
	}
	return still, nil
}

// after returns the window behind a page in the direction of reading.
func after(w cursors.Window, p page) cursors.Window {
	switch n := len(p.Items); {
	case n == 0:
	case w.Backward:
		w.Below = p.Items[0].SortKey
	default:
		w.Above = p.Items[n-1].SortKey
	}
	return w
}
