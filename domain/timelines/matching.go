package timelines

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"roost/domain/search"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// MaxHits is the most tweets that HomeMatching places one by one. With more of them it goes through the timeline instead.
const MaxHits = 1000

// HomeMatching returns the page of a window of those entries of a home timeline whose tweets match a search. It has the entries that Home
// has, at the same places. authors are as HomeAuthors returns them. It fails with BadRequest for a query that words.Parse refuses,
// and with Unavailable as sqldb.Driver.Long does.
//
// If the index has at most MaxHits tweets that match, one statement reads them all, and another one finds the places of those that were
// retweeted. With more of them, one statement reads the newest of the authors' tweets that match, another one the retweets by the authors
// that are newer than the last of these and match, and a third one the places of these retweets. Like Home, it reads more if there are too
// few, and then decides in two statements about every entry. A further statement decides whether the tweets are found by the words or by
// their authors.
func (t *Timelines) HomeMatching(ctx context.Context, authors []int64, query string, w cursors.Window) (cursors.Page[Entry], error) {
	c, err := search.ConditionOf(t.db, query)
	if err != nil || len(authors) == 0 {
		return cursors.Page[Entry]{}, err
	}
	var page cursors.Page[Entry]
	err = t.db.Long(ctx, func(ctx context.Context) (err error) {
		page, err = t.homeMatching(ctx, c, authors, w)
		return err
	})
	return page, err
}

// homeMatching is HomeMatching for a condition. A search that only excludes matches almost every tweet, so it goes through the timeline.
func (t *Timelines) homeMatching(ctx context.Context, c search.Condition, authors []int64, w cursors.Window) (cursors.Page[Entry], error) {
	if !c.ExcludesOnly() {
		hits, ok, err := t.hits(ctx, c, w)
		if err != nil {
			return cursors.Page[Entry]{}, err
		}
		if ok {
			return t.homeOfHits(ctx, authors, hits, w)
		}
	}
	return t.homePage(ctx, authors, w, t.matchingEntries(c))
}

// hit is a tweet that matches a search.
type hit struct {
	id int64
	Ends
	visible, retweeted bool
}

// hits reads the tweets that match and may be in a window; ok is false if there are more than MaxHits of them. A retweet is newer than its
// tweet, so no tweet above the window is in it.
func (t *Timelines) hits(ctx context.Context, c search.Condition, w cursors.Window) (hits []hit, ok bool, err error) {
	n := int64(0) // the number of hits, which each row repeats
	hits, err = sqldb.ScanAll(ctx, t.db, t.hitsStatement(c, w), nil,
		func(h *hit) []any {
			return []any{&n, &h.id, &h.AuthorID, &h.ParentAuthorID, &h.visible, &h.retweeted}
		})
	if err != nil {
		return nil, false, fmt.Errorf("find tweets of a timeline: %w", err)
	}
	return hits, n <= int64(t.maxHits), nil
}

// hitsStatement returns a row for each hit with their number, or one row if there are too many. It has no arguments, so that PostgreSQL can
// estimate how many tweets match when it chooses how to read them.
func (t *Timelines) hitsStatement(c search.Condition, w cursors.Window) string {
	return fmt.Sprintf(`SELECT h.n, h.tweet_id, h.author_id, coalesce((SELECT parent_author_id FROM tweets WHERE id = h.tweet_id), 0), %[1]s,
			coalesce((SELECT true FROM retweets WHERE tweet_id = h.tweet_id AND active LIMIT 1), false)
		FROM (SELECT m.tweet_id AS tweet_id, m.author_id AS author_id, count(*) OVER () AS n, max(m.tweet_id) OVER () AS last
			FROM (SELECT s.tweet_id AS tweet_id, s.author_id AS author_id FROM %[2]s LIMIT %[4]d) AS m) AS h
		WHERE h.n <= %[3]d OR h.tweet_id = h.last`,
		tweets.VisibleByID("h.tweet_id"), c.Entries(fmt.Sprintf("%s < %d", c.IDColumn(), w.Above)), t.maxHits, t.maxHits+1)
}

// homeOfHits returns the page of a window if these are all tweets that match.
func (t *Timelines) homeOfHits(ctx context.Context, authors []int64, hits []hit, w cursors.Window) (cursors.Page[Entry], error) {
	inHome := func(user int64) bool { return contains(authors, user) }
	var entries []Entry
	var doubts []Doubt
	for _, h := range hits {
		switch {
		case !h.visible:
		case h.In(inHome):
			entries = append(entries, Entry{SortKey: h.id, Item: h.id})
		case h.retweeted:
			doubts = append(doubts, Doubt{h.id, math.MaxInt64})
		}
	}
	places, err := t.Places(ctx, doubts, authors)
	if err != nil {
		return cursors.Page[Entry]{}, err
	}
	for tweet, p := range places {
		if p.SortKey != 0 && p.Visible {
			entries = append(entries, Entry{SortKey: p.SortKey, Item: tweet, By: p.UserID})
		}
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.SortKey >= w.Above || e.SortKey <= w.Below })
	sortEntries(w, entries)
	return cursors.Cut(w, entries[:min(len(entries), w.Size+1)]), nil
}

// matchingEntries returns the readEntries of HomeMatching, which reads in two statements.
func (t *Timelines) matchingEntries(c search.Condition) readEntries {
	return func(ctx context.Context, authors []int64, w cursors.Window, most int, exact bool) ([]Entry, error) {
		entries, err := t.ownMatching(ctx, c, authors, w, most)
		if err != nil {
			return nil, fmt.Errorf("search the tweets of a home timeline: %w", err)
		}
		rest := w
		if len(entries) == most { // what is behind these is not asked for
			if last := entries[most-1].SortKey; w.Backward {
				rest.Above = last
			} else {
				rest.Below = last
			}
		}
		retweets, err := sqldb.ScanAll(ctx, t.db, t.retweetsMatchingStatement(c, w.Backward, exact),
			[]any{t.db.List(authors), rest.Above, rest.Below, most}, func(e *Entry) []any { return []any{&e.SortKey, &e.Item, &e.By} })
		if err != nil {
			return nil, fmt.Errorf("search the retweets of a home timeline: %w", err)
		}
		entries = append(entries, retweets...)
		sortEntries(w, entries)
		return entries[:min(len(entries), most)], nil
	}
}

// ownMatching reads the first tweets of a window that match and are at their own places.
func (t *Timelines) ownMatching(ctx context.Context, c search.Condition, authors []int64, w cursors.Window, most int) ([]Entry, error) {
	statement := t.byWords
	if !c.ExcludesOnly() {
		byAuthors, err := t.isShorterByAuthors(ctx, c, authors, w, most)
		if err != nil {
			return nil, err
		}
		if byAuthors {
			statement = t.byAuthors
		}
	}
	return sqldb.ScanAll(ctx, t.db, statement(c, authors, w, most), nil, func(e *Entry) []any { return []any{&e.SortKey, &e.Item} })
}

const (
	// maxAuthored is how many entries of the index are read by their authors at most.
	maxAuthored = 20_000
	// sample is how many entries that match are looked at for the share of the authors.
	sample = 1000
)

// isShorterByAuthors reports whether the authors have fewer entries in a window than would be read by the words until most are found, if
// the authors had written the same share of all matches as of a sample of them.
func (t *Timelines) isShorterByAuthors(ctx context.Context, c search.Condition, authors []int64, w cursors.Window, most int) (bool, error) {
	var authored, shared int
	if err := sqldb.ScanOne(ctx, t.db, t.sharesStatement(c, authors, w), nil, &authored, &shared); err != nil {
		return false, fmt.Errorf("estimate a search of a timeline: %w", err)
	}
	return authored <= t.maxAuthored && authored*shared < most*sample, nil
}

// sharesStatement returns how many entries of a window the authors have, counted up to maxAuthored and one more, and how many of a sample
// of all matches in it.
func (t *Timelines) sharesStatement(c search.Condition, authors []int64, w cursors.Window) string {
	own := t.isAmong("author_id", authors)
	return fmt.Sprintf(`SELECT (SELECT count(*) FROM (SELECT 1 FROM search_tweets WHERE %s AND tweet_id < %d AND tweet_id > %d LIMIT %d) AS w),
		(SELECT count(*) FROM (SELECT s.author_id AS author_id FROM %s LIMIT %d) AS m WHERE %s)`,
		own, w.Above, w.Below, t.maxAuthored+1, c.Entries(within(c.IDColumn(), w)), sample, own)
}

// isAmong is a condition: that a column has one of some ids.
func (t *Timelines) isAmong(column string, all []int64) string {
	if t.db.IsPostgres() {
		return column + " = ANY('{" + sqlList(all) + "}'::bigint[])"
	}
	return column + " IN (SELECT value FROM json_each('[" + sqlList(all) + "]'))"
}

// within is a condition: that a column is in a window.
func within(column string, w cursors.Window) string {
	return fmt.Sprintf("%[1]s < %[2]d AND %[1]s > %[3]d", column, w.Above, w.Below)
}

// byWords goes through the matches in the order of their ids, on PostgreSQL unless it estimates that another way is shorter: the statement
// has no arguments, so it can.
func (t *Timelines) byWords(c search.Condition, authors []int64, w cursors.Window, most int) string {
	author, offset := "+"+t.isAmong("s.author_id", authors), ""
	if t.db.IsPostgres() {
		// OFFSET 0 keeps the other conditions, which look up tweets, out of the subquery.
		author, offset = t.isAmong("s.author_id", authors), " OFFSET 0"
	}
	id := c.IDColumn()
	return t.ownStatement(id, c.Entries(author, within(id, w))+" ORDER BY "+id+" "+orderOf(w)+offset, authors, w, most)
}

// byAuthors goes through all entries of the authors in the window.
func (t *Timelines) byAuthors(c search.Condition, authors []int64, w cursors.Window, most int) string {
	own, matches := t.isAmong("s.author_id", authors)+" AND "+within("s.tweet_id", w), c.Holds("s")
	from := "search_tweets AS s INDEXED BY search_tweets_of_author WHERE " + own + " AND " + matches
	if t.db.IsPostgres() {
		// OFFSET 0 keeps the condition on words out of the subquery, and so its index.
		from = "(SELECT * FROM search_tweets AS s WHERE " + own + " OFFSET 0) AS s WHERE " + matches + " OFFSET 0"
	}
	return t.ownStatement("s.tweet_id", from, authors, w, most)
}

// ownStatement returns the first entries of the index that are at their own places. from is its part that says which entries these are, and
// id the column with their tweets. By the order of another column SQLite would sort all of them, and look up their tweets before.
func (t *Timelines) ownStatement(id, from string, authors []int64, w cursors.Window, most int) string {
	return fmt.Sprintf(`SELECT tweet_id, tweet_id FROM (SELECT %s AS tweet_id FROM %s) AS o
		WHERE coalesce((SELECT parent_author_id IS NULL OR parent_author_id = author_id OR %s FROM tweets
			WHERE id = o.tweet_id AND %s), false) ORDER BY tweet_id %s LIMIT %d`,
		id, from, t.isAmong("parent_author_id", authors), tweets.VisibleToAll, orderOf(w), most)
}

// orderOf is the order in which a window is read.
func orderOf(w cursors.Window) string {
	if w.Backward {
		return "ASC"
	}
	return "DESC"
}

// sqlList writes ids with commas between them.
func sqlList(all []int64) string {
	var b strings.Builder
	for i, id := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	return b.String()
}

// retweetsMatchingStatement reads at most $4 retweets of each author whose tweets match, through the index retweets_of_user, and returns
// the first $4 of them in the window below $2 and above $3.
func (t *Timelines) retweetsMatchingStatement(c search.Condition, backward, exact bool) string {
	order := "DESC"
	if backward {
		order = "ASC"
	}
	_, seen, where := t.homeRetweets(exact)
	where += " AND " + c.HoldsByID("r.tweet_id")
	if t.db.IsPostgres() {
		return fmt.Sprintf(`SELECT e.sort_key, e.tweet_id, e.user_id FROM unnest($1::bigint[]) AS a(id)
			CROSS JOIN LATERAL (SELECT sort_key, tweet_id, user_id FROM retweets AS r
				WHERE user_id = a.id AND %s ORDER BY sort_key %s LIMIT %s) AS e
			WHERE %s ORDER BY e.sort_key %[2]s LIMIT $4`, where, order, sqldb.InOrder("$4"), seen)
	}
	return fmt.Sprintf(`SELECT t.sort_key, t.tweet_id, t.user_id FROM `+t.db.Rows("$1", "a")+`
		JOIN retweets AS t ON t.rowid IN (SELECT rowid FROM retweets AS r
			WHERE user_id = a.id AND %s ORDER BY sort_key %s LIMIT $4) AND %s
		ORDER BY 1 %[2]s LIMIT $4`, where, order, seen)
}

// matchingLists are the lists that have the entries of some kinds whose tweets match a search. They go through what the index has of the
// user's tweets, and through the user's retweets.
func (t *Timelines) matchingLists(kinds uint8, query string) (sqldb.Union, error) {
	c, err := search.ConditionOf(t.db, query)
	if err != nil {
		return nil, err
	}
	written := func(where string) sqldb.Lists {
		return sqldb.Lists{Table: "search_tweets", Owner: "author_id", SortKey: "tweet_id", Item: "tweet_id",
			Where: c.Holds("search_tweets") + " AND coalesce((SELECT true FROM tweets WHERE id = tweet_id AND " + where + "), false)"}
	}
	retweeted := ofRetweeter
	retweeted.Where += " AND " + c.HoldsByID("retweets.tweet_id")
	return unionsOf(map[uint8]sqldb.Lists{OwnTweets: written(ownSQL), Retweets: retweeted, Replies: written(repliesSQL)})[kinds], nil
}
