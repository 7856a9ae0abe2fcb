package timelines

import (
	"context"
	"fmt"
	"slices"

	"roost/domain/suspensions"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Home reads a page of the home timeline that contains what the authors add to it, whom HomeAuthors returns. One statement reads the
// tweets and retweets of the authors, half as many again as the page shows; another one is needed if there are retweets among them, for
// their places. If that leaves too few for the page, this is repeated once with many more. After that, one statement decides
// about every entry.
func (t *Timelines) Home(ctx context.Context, authors []int64, w cursors.Window) (cursors.Page[Entry], error) {
	return t.homePage(ctx, authors, w, t.homeEntries)
}

// readEntries reads the first entries of a window of the home timeline that contains what the authors add to it, most of them at most, and
// fewer only if there are no more. Unless they are exact, there may be several retweets of a tweet among them, also when there is an
// earlier one, and retweets of tweets that are not visible.
type readEntries func(ctx context.Context, authors []int64, w cursors.Window, most int, exact bool) ([]Entry, error)

func (t *Timelines) homePage(ctx context.Context, authors []int64, w cursors.Window, read readEntries) (cursors.Page[Entry], error) {
	for _, most := range [...]int{Overread(w.Size), 4 * Overread(w.Size)} {
		d, err := t.homeDraft(ctx, authors, w, most, read)
		if err != nil {
			return cursors.Page[Entry]{}, err
		}
		if page, ok := d.Page(); ok {
			return page, nil
		}
	}
	entries, err := read(ctx, authors, w, w.Size+1, true)
	return cursors.Cut(w, entries), err
}

// ExactHome is Home in one statement, which looks at the earlier retweets of each retweeted tweet while it reads them. It leaves out the
// entries of authors who are suspended.
func (t *Timelines) ExactHome(ctx context.Context, authors []int64, w cursors.Window) (cursors.Page[Entry], error) {
	entries, err := t.homeEntries(ctx, authors, w, w.Size+1, true)
	return cursors.Cut(w, entries), err
}

// homeDraft reads up to most entries of a window.
func (t *Timelines) homeDraft(ctx context.Context, authors []int64, w cursors.Window, most int, read readEntries) (*Draft, error) {
	entries, err := read(ctx, authors, w, most, false)
	if err != nil {
		return nil, err
	}
	d := &Draft{window: w, entries: entries, whole: len(entries) < most, from: w.Below + 1, to: w.Above - 1}
	if !d.whole && w.Backward {
		d.to = entries[most-1].SortKey
	} else if !d.whole {
		d.from = entries[most-1].SortKey
	}
	d.dropRepeats(nil)
	for _, e := range d.entries {
		if e.By != 0 {
			d.doubtful = append(d.doubtful, Doubt{e.Item, e.SortKey})
		}
	}
	places, err := t.Places(ctx, d.doubtful, authors)
	if err != nil {
		return nil, err
	}
	d.Settle(places)
	d.Hide(func(tweetID int64) bool { return places[tweetID].Visible })
	return d, nil
}

// homeEntries is the readEntries of Home.
func (t *Timelines) homeEntries(ctx context.Context, authors []int64, w cursors.Window, most int, exact bool) ([]Entry, error) {
	entries, err := sqldb.ScanAll(ctx, t.db, t.homeStatement(w.Backward, exact), []any{t.db.List(authors), w.Above, w.Below, most},
		func(e *Entry) []any { return []any{&e.SortKey, &e.Item, &e.By} })
	if err != nil {
		return nil, fmt.Errorf("read the home timeline: %w", err)
	}
	return slices.CompactFunc(entries, func(a, b Entry) bool { return a == b }), nil
}

// homeStatement reads at most $4 tweets, $4 replies to others and $4 retweets of each author, through the indexes tweets_of_author_own,
// replies_of_author and retweets_of_user.
func (t *Timelines) homeStatement(backward, exact bool) string {
	order := "DESC"
	if backward {
		order = "ASC"
	}
	home, seen, where := t.homeRetweets(exact)
	replies := repliesSQL + " AND id < $2 AND id > $3 AND (parent_author_id IN " + home + ") IS TRUE"
	if t.db.IsPostgres() {
		return fmt.Sprintf(`SELECT e.sort_key, e.tweet, e.retweeter FROM unnest($1::bigint[]) AS a(id)
			CROSS JOIN LATERAL (
				(SELECT id AS sort_key, id AS tweet, 0::bigint AS retweeter FROM tweets
					WHERE author_id = a.id AND %[1]s AND id < $2 AND id > $3 ORDER BY id %[2]s LIMIT %[3]s)
				UNION ALL
				(SELECT id, id, 0::bigint FROM tweets WHERE author_id = a.id AND %[5]s ORDER BY id %[2]s LIMIT %[3]s)
				UNION ALL
				(SELECT sort_key, tweet_id, user_id FROM retweets AS r
					WHERE user_id = a.id AND %[4]s ORDER BY sort_key %[2]s LIMIT %[3]s)) AS e
			WHERE %[6]s ORDER BY e.sort_key %[2]s LIMIT $4`, ownSQL, order, sqldb.InOrder("$4"), where, replies, seen)
	}
	return fmt.Sprintf(`SELECT t.id AS sort_key, t.id, 0 FROM `+t.db.Rows("$1", "a")+`
		JOIN tweets AS t ON t.id IN (SELECT id FROM tweets
			WHERE author_id = a.id AND %[1]s AND id < $2 AND id > $3 ORDER BY id %[2]s LIMIT $4) AND %[5]s
		UNION ALL SELECT t.id, t.id, 0 FROM `+t.db.Rows("$1", "a")+`
		JOIN tweets AS t ON t.id IN (SELECT id FROM tweets WHERE author_id = a.id AND %[4]s ORDER BY id %[2]s LIMIT $4) AND %[5]s
		UNION ALL SELECT t.sort_key, t.tweet_id, t.user_id FROM `+t.db.Rows("$1", "a")+`
		JOIN retweets AS t ON t.rowid IN (SELECT rowid FROM retweets AS r
			WHERE user_id = a.id AND %[3]s ORDER BY sort_key %[2]s LIMIT $4) AND %[5]s
		ORDER BY 1 %[2]s LIMIT $4`, ownSQL, order, where, replies, seen)
}

// homeRetweets returns parts of statements whose first three arguments are authors and a window: the authors as a subquery, the condition
// on an author a whose entries are read, and the one on a retweet r that adds an entry in the window.
func (t *Timelines) homeRetweets(exact bool) (home, seen, where string) {
	home, seen = "(SELECT id FROM "+t.db.Rows("$1", "a")+")", "true"
	if exact {
		seen = suspensions.NotSuspended("a.id")
		home = "(SELECT a.id FROM " + t.db.Rows("$1", "a") + " WHERE " + seen + ")"
	}
	where = "active AND sort_key < $2 AND sort_key > $3 AND (author_id NOT IN " + home +
		" OR parent_author_id <> author_id AND parent_author_id NOT IN " + home + ")"
	if exact {
		// IS TRUE keeps the list of authors in a hash table that is made once, instead of a join.
		where += ` AND ` + tweets.VisibleByID("r.tweet_id") + `
			AND NOT EXISTS (SELECT 1 FROM retweets AS e WHERE e.tweet_id = r.tweet_id AND e.active AND e.sort_key < r.sort_key
				AND (e.user_id IN ` + home + `) IS TRUE)`
	}
	return home, seen, where
}
