package search

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"roost/domain/tweets"
	"roost/internal/sqldb"
	"roost/internal/words"
)

// MaxRanked is how many matches are ranked, the newest ones.
const MaxRanked = 2000

// Order is the order of tweets.
type Order uint8

// The orders.
const (
	Relevant Order = iota
	Newest
)

// Filter says which tweets a search looks at. The zero value is all.
type Filter struct {
	// Author is whose tweets, 0 for everybody's.
	Author int64
	// Follower is the user whose followees' tweets, 0 for everybody's.
	Follower int64
	// From is the lowest id; Before, if it is not 0, is above the highest.
	From, Before int64
	// Nothing is set for no tweet at all.
	Nothing bool
}

// Place is where a tweet is in the results of a search: its id and, if the order is Relevant, its class and the range of ids that is
// ranked. Class is 0 for a tweet below that range. The zero Place is before all tweets.
type Place struct {
	ID        int64
	Class     uint8
	Low, High int64
}

// Key names a page of a search: the first Size tweets after a place.
type Key struct {
	Query string
	Order Order
	Filter
	After Place
	Size  int
}

// Page is a page of a search.
type Page struct {
	Items []Place
	// More reports that the list goes on after the page.
	More bool
}

// Tweets reads a page in one statement, or in two if the page has the last of the ranked matches and the list goes on. It fails with
// BadRequest for a query that words.Parse refuses, and with Unavailable as sqldb.Driver.Long does. A page of size 0 only reports whether
// there is more.
func (s *Search) Tweets(ctx context.Context, k Key) (Page, error) {
	q, err := words.Parse(k.Query)
	if err != nil || k.Nothing {
		return Page{}, err
	}
	read := s.relevant
	if k.Order == Newest || k.After.ID != 0 && k.After.Class == 0 {
		read = s.newest
	}
	var found []Place
	err = s.db.Long(ctx, func(ctx context.Context) (err error) {
		found, err = read(ctx, q, k, k.Size+1)
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("search tweets: %w", err)
	}
	if len(found) > k.Size {
		return Page{found[:k.Size], true}, nil
	}
	return Page{Items: found}, nil
}

// newest reads up to n tweets below the id of the place after which the page begins.
func (s *Search) newest(ctx context.Context, q words.Query, k Key, n int) ([]Place, error) {
	if k.After.ID != 0 && (k.Before == 0 || k.After.ID < k.Before) {
		k.Before = k.After.ID
	}
	found, err := sqldb.ScanAll(ctx, s.db, s.newestStatement(q, k.Filter, n), nil, sqldb.Column[int64])
	out := make([]Place, len(found))
	for i, id := range found {
		out[i] = Place{ID: id}
		if k.Order == Relevant {
			out[i].Low, out[i].High = k.After.Low, k.After.High
		}
	}
	return out, err
}

// newestStatement reads the newest matches. OFFSET 0 keeps PostgreSQL from looking at tweets that it does not return. The statement has no
// arguments: the planner must see which tokens it is about, because some are in every tenth tweet and some in one.
func (s *Search) newestStatement(q words.Query, f Filter, n int) string {
	if !s.db.IsPostgres() {
		return fmt.Sprintf("SELECT s.tweet_id FROM %s AND %s ORDER BY %s DESC LIMIT %d", s.matches(q, f), tweets.VisibleByID("s.tweet_id"),
			s.idColumn(q), n)
	}
	return fmt.Sprintf(`SELECT tweet_id FROM (SELECT s.tweet_id AS tweet_id FROM %s ORDER BY s.tweet_id DESC OFFSET 0) AS m WHERE %s
		ORDER BY tweet_id DESC LIMIT %d`, s.matches(q, f), tweets.VisibleByID("tweet_id"), n)
}

// offset is what keeps PostgreSQL from moving conditions into a subquery. SQLite would read all of it.
func (s *Search) offset() string {
	if s.db.IsPostgres() {
		return " OFFSET 0"
	}
	return ""
}

// relevant reads up to n ranked matches, and goes on behind them.
func (s *Search) relevant(ctx context.Context, q words.Query, k Key, n int) ([]Place, error) {
	type row struct {
		n         int64
		low, high sql.NullInt64
		id, class sql.NullInt64
	}
	rows, err := sqldb.ScanAll(ctx, s.db, s.relevantStatement(q, k, n), nil,
		func(r *row) []any { return []any{&r.n, &r.low, &r.high, &r.id, &r.class} })
	if err != nil {
		return nil, err
	}
	low, high := k.After.Low, k.After.High
	if k.After.ID == 0 && len(rows) > 0 && rows[0].n > 0 {
		high = rows[0].high.Int64
		if rows[0].n == MaxRanked {
			low = rows[0].low.Int64
		}
	}
	var out []Place
	for _, r := range rows {
		if r.id.Valid {
			out = append(out, Place{ID: r.id.Int64, Class: uint8(r.class.Int64), Low: low, High: high})
		}
	}
	slices.SortFunc(out, comparePlaces)
	if missing := n - len(out); missing > 0 && low > max(k.From, 1) {
		k.After = Place{ID: low, Low: low, High: high}
		more, err := s.newest(ctx, q, k, missing)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// comparePlaces orders places of one search whose order is Relevant.
func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(b.Class, a.Class), cmp.Compare(b.ID, a.ID))
}

// relevantStatement ranks the newest matches, or the newest in the range of ids that the first page has noted, which had no more than
// MaxRanked; clients can make up cursors. Each row has their number and
// range as well; if none of them is returned, there is one row with these alone.
func (s *Search) relevantStatement(q words.Query, k Key, n int) string {
	class, after, f := classSQL(wordsOf(q)), "", k.Filter
	if a := k.After; a.ID != 0 {
		after = fmt.Sprintf("WHERE (class < %d OR class = %d AND tweet_id < %d)", a.Class, a.Class, a.ID)
		f.From = max(f.From, a.Low)
		if f.Before == 0 || a.High < f.Before {
			f.Before = a.High + 1
		}
	}
	return fmt.Sprintf(`WITH m AS MATERIALIZED (SELECT s.tweet_id AS tweet_id, s.words AS words FROM %s ORDER BY %s DESC LIMIT %d)
		SELECT b.n, b.low, b.high, r.tweet_id, r.class
		FROM (SELECT count(*) AS n, min(tweet_id) AS low, max(tweet_id) AS high FROM m) AS b
		LEFT JOIN (SELECT * FROM (SELECT * FROM (SELECT tweet_id, %s AS class FROM m) AS c %s ORDER BY class DESC, tweet_id DESC%s) AS o
			WHERE %s ORDER BY class DESC, tweet_id DESC LIMIT %d) AS r ON 1 = 1`,
		s.matches(q, f), s.idColumn(q), MaxRanked, class, after, s.offset(), tweets.VisibleByID("o.tweet_id"), n)
}

// idColumn is the column by whose order matches can be read without sorting them.
func (s *Search) idColumn(q words.Query) string { return s.condition(q).IDColumn() }

// matches is the part of a statement that says which entries match a query and a filter. It names search_tweets s.
func (s *Search) matches(q words.Query, f Filter) string {
	c, conditions := s.condition(q), []string{}
	add := func(format string, args ...any) { conditions = append(conditions, fmt.Sprintf(format, args...)) }
	if f.From > 0 {
		add("%s >= %d", c.IDColumn(), f.From)
	}
	if f.Before > 0 {
		add("%s < %d", c.IDColumn(), f.Before)
	}
	if f.Author != 0 {
		add("s.author_id = %d", f.Author)
	}
	if f.Follower != 0 {
		add("s.author_id IN (SELECT followee_id FROM follows WHERE follower_id = %d AND active)", f.Follower)
	}
	return c.Entries(conditions...)
}

func (s *Search) condition(q words.Query) Condition { return Condition{q, s.db.IsPostgres()} }

// isSimple reports whether a query says only which tokens a text must have.
func isSimple(q words.Query) bool {
	return !slices.ContainsFunc(q.Clauses, func(c words.Clause) bool { return c.Exclude || len(c.Tokens) > 1 })
}
