package timelines

import (
	"context"
	"fmt"
	"slices"

	"roost/internal/sqldb"
)

// Side says whether what an author adds is pushed or merged.
type Side int8

// The sides, as timeline_sides has them.
const (
	// ByFollowers is the side that the number of followers decides.
	ByFollowers Side = iota
	Push
	Merge
)

// authorSide is what decides about an author.
type authorSide struct {
	author, followers int64
	merged            bool
	forced            Side
}

// merges reports whether the author is to be merged. An author who is merged needs a fifth fewer followers than the limit to be pushed
// again, so followers who come and go do not change the side each time.
func (a *authorSide) merges(maxPushed int64) bool {
	switch {
	case a.forced != ByFollowers:
		return a.forced == Merge
	case maxPushed == 0:
		return false
	case a.merged:
		return a.followers >= maxPushed-maxPushed/5
	default:
		return a.followers >= maxPushed
	}
}

// sides decides about the users of records, and returns the records that are pushed. A side changes with the first event of the user that
// is handled afterwards: the row changes in the transaction that moves the group's position over this event. If the user is merged from
// there on, all prepared timelines of the followers get a record that says so.
func (r *fanoutRun) sides(ctx context.Context, records []Record) (pushed []Record, err error) {
	if len(records) == 0 {
		return nil, nil
	}
	first, users := map[int64]int64{}, []int64(nil)
	for _, record := range records {
		if _, ok := first[record.UserID]; !ok {
			first[record.UserID], users = record.Seq, append(users, record.UserID)
		}
	}
	list := r.f.db.List(users)
	all, err := sqldb.ScanAll(ctx, r.tx.Client(), `SELECT u.id, coalesce(s.merged, false), coalesce(s.forced, 0), coalesce(c.follower_count, 0)
		FROM `+r.f.db.Rows("$1", "u")+` LEFT JOIN timeline_sides AS s ON s.author_id = u.id LEFT JOIN user_stats AS c ON c.user_id = u.id`,
		[]any{list}, func(a *authorSide) []any { return []any{&a.author, &a.merged, &a.forced, &a.followers} })
	if err != nil {
		return nil, fmt.Errorf("read who is pushed: %w", err)
	}
	merged := map[int64]bool{}
	for i := range all {
		a := &all[i]
		now := a.merges(r.f.cfg.MaxPushed)
		if merged[a.author] = now; now == a.merged {
			continue
		}
		if err := r.changeSide(ctx, a, now, first[a.author]); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(records, func(r Record) bool { return merged[r.UserID] }), nil
}

func (r *fanoutRun) changeSide(ctx context.Context, a *authorSide, merged bool, seq int64) error {
	tx := r.tx
	_, err := tx.Client().ExecContext(ctx, `INSERT INTO timeline_sides (author_id, merged, seq, forced) VALUES ($1, $2, $3, 0)
		ON CONFLICT (author_id) DO UPDATE SET merged = excluded.merged, seq = excluded.seq`, a.author, merged, seq)
	if err != nil {
		return fmt.Errorf("change whether an author is pushed: %w", err)
	}
	if !merged {
		return nil
	}
	return r.defers(ctx, Record{Seq: seq, Kind: Merged, Contribution: Contribution{UserID: a.author, SortKey: 1}})
}

// MergedAmong returns those of some authors who are merged, in ascending order.
func (t *Timelines) MergedAmong(ctx context.Context, authors []int64) ([]int64, error) {
	ids, err := sqldb.ScanAll(ctx, t.db, "SELECT author_id FROM timeline_sides WHERE merged AND "+t.db.Member("author_id", "$1")+
		" ORDER BY author_id", []any{t.db.List(authors)}, sqldb.Column[int64])
	if err != nil {
		return nil, fmt.Errorf("read who is merged: %w", err)
	}
	return ids, nil
}
