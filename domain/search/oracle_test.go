package search_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/domain/search"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
	"roost/internal/words"
	"roost/testkit/dbtest"
	"roost/testkit/importedtest"
	"roost/testkit/testtime"
)

// tweet is a tweet of the imported data, as the oracle reads it.
type tweet struct {
	id, author int64
	text       string
	tokens     []words.Token
	words      int
}

// site is imported data with its index.
type site struct {
	db     *sqldb.DB
	search *search.Search
	tweets []tweet // the newest ones, newest first
	// followees are whom some users follow.
	followees map[int64]map[int64]bool
	slow      []time.Duration
	watched   func(query string, args []any)
}

// imported opens the imported data on one kind of database.
func imported(t *testing.T, postgres bool) *site {
	t.Helper()
	s := &site{followees: map[int64]map[int64]bool{}}
	c := sqldb.Config{Watch: func(_ context.Context, _ sqldb.Querier, query string, args []any) {
		if s.watched != nil {
			s.watched(query, args)
		}
	}}
	if postgres {
		c.URL, c.MaxConns = importedtest.Postgres(t), 4
	} else {
		c.File = importedtest.SQLite(t)
	}
	s.db = dbtest.Open(t, c)
	s.search = search.New(s.db, events.New(ent.NewClient(ent.Driver(s.db.Driver)), clock.Real{}), clock.Real{}, search.Config{})
	var err error
	s.tweets, err = sqldb.ScanAll(t.Context(), s.db,
		"SELECT id, author_id, text FROM tweets WHERE deleted_at IS NULL ORDER BY id DESC LIMIT $1", []any{scanned},
		func(r *tweet) []any { return []any{&r.id, &r.author, &r.text} })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Both databases have the same tweets, in the same order, so the tokens of a text and what a query matches are computed once.
var (
	tokenized     sync.Mutex
	tokenizedText = map[string][]words.Token{}
	matched       = map[string][]int{}
)

// matchesOf returns the indexes of the tweets that match a query.
func matchesOf(text string, q words.Query, all []tweet) []int {
	tokenized.Lock()
	defer tokenized.Unlock()
	found, ok := matched[text]
	if !ok {
		for i := range all {
			if q.Matches(all[i].tokens) {
				found = append(found, i)
			}
		}
		matched[text] = found
	}
	return found
}

func tokensOf(all []tweet) {
	tokenized.Lock()
	defer tokenized.Unlock()
	for i := range all {
		r := &all[i]
		tokens, ok := tokenizedText[r.text]
		if !ok {
			tokens = words.Tokens(r.text)
			tokenizedText[r.text] = tokens
		}
		r.tokens = tokens
		for _, token := range tokens {
			r.words = max(r.words, token.Position+1)
		}
	}
}

// follows returns whom a user follows.
func (s *site) follows(t *testing.T, user int64) map[int64]bool {
	t.Helper()
	if s.followees[user] == nil {
		ids, err := sqldb.ScanAll(t.Context(), s.db, "SELECT followee_id FROM follows WHERE follower_id = $1 AND active", []any{user},
			sqldb.Column[int64])
		if err != nil {
			t.Fatal(err)
		}
		s.followees[user] = map[int64]bool{}
		for _, id := range ids {
			s.followees[user][id] = true
		}
	}
	return s.followees[user]
}

// scan answers a search as its definition says: it looks at every tweet.
func (s *site) scan(t *testing.T, k search.Key) []int64 {
	t.Helper()
	q, err := words.Parse(k.Query)
	if err != nil {
		t.Fatalf("%q: %v", k.Query, err)
	}
	named := 0
	for _, c := range q.Clauses {
		if !c.Exclude {
			length := 0
			for _, token := range c.Tokens {
				length = max(length, token.Position+1)
			}
			named += length
		}
	}
	type match struct {
		id    int64
		class float64
	}
	var found []match
	matching := matchesOf(k.Query, q, s.tweets)
	for _, i := range matching { // newest first
		r := s.tweets[i]
		if k.Author != 0 && r.author != k.Author || k.Follower != 0 && !s.follows(t, k.Follower)[r.author] ||
			r.id < k.From || k.Before != 0 && r.id >= k.Before {
			continue
		}
		class := 0.0
		if k.Order == search.Relevant && len(found) < search.MaxRanked {
			class = 1
			for _, share := range []float64{1, 2, 4, 8} {
				if float64(named)*share >= float64(r.words) {
					class = 5 - float64(slices.Index([]float64{1, 2, 4, 8}, share))
					break
				}
			}
		}
		found = append(found, match{r.id, class})
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(b.class, a.class) })
	out := make([]int64, len(found))
	for i, m := range found {
		out[i] = m.id
	}
	return out
}

// read reads a search page by page, at most so many pages.
func (s *site) read(t *testing.T, k search.Key, pages int) (ids []int64, ended bool) {
	t.Helper()
	for range pages {
		began := time.Now()
		p, err := s.search.Tweets(t.Context(), k)
		s.slow = append(s.slow, time.Since(began))
		if err != nil {
			t.Fatalf("%+v: %v", k, err)
		}
		for _, place := range p.Items {
			ids = append(ids, place.ID)
		}
		if !p.More {
			return ids, true
		}
		k.After = p.Items[len(p.Items)-1]
	}
	return ids, false
}

// queries generates searches of all kinds from the words of the tweets.
func (s *site) queries(rnd *rand.Rand, n int) []search.Key {
	var all []search.Key
	token := func() string {
		for {
			if f := strings.Fields(s.tweets[rnd.IntN(len(s.tweets))].text); len(f) > 0 {
				return strings.Trim(f[rnd.IntN(len(f))], `"“”`)
			}
		}
	}
	for len(all) < n {
		base := s.tweets[rnd.IntN(len(s.tweets))]
		f := strings.Fields(strings.NewReplacer(`"`, "", "“", "", "”", "").Replace(base.text))
		var parts []string
		for range 1 + rnd.IntN(3) {
			at := rnd.IntN(len(f))
			switch rnd.IntN(10) {
			case 0, 1, 2:
				parts = append(parts, f[at])
			case 3, 4, 5:
				parts = append(parts, `"`+strings.Join(f[at:min(len(f), at+1+rnd.IntN(3))], " ")+`"`)
			case 6:
				parts = append(parts, "-"+token())
			case 7:
				parts = append(parts, `-"`+token()+" "+token()+`"`)
			case 8:
				parts = append(parts, "#"+strings.Trim(f[at], "#@.,:()[]'?!-"))
			case 9:
				parts = append(parts, []string{"the", "a", "to", "com", "show", "@go", "-the", "hn", "of the", `"in the"`}[rnd.IntN(10)])
			}
		}
		k := search.Key{Query: strings.Join(parts, " "), Size: 1 + rnd.IntN(100), Order: search.Order(rnd.IntN(2))}
		if _, err := words.Parse(k.Query); err != nil {
			continue
		}
		switch rnd.IntN(6) {
		case 0:
			k.Author = base.author
		case 1:
			k.Follower = s.tweets[rnd.IntN(len(s.tweets))].author
		case 2:
			k.From = s.tweets[rnd.IntN(len(s.tweets))].id
		case 3:
			k.Before = s.tweets[rnd.IntN(len(s.tweets))].id
		}
		all = append(all, k)
	}
	return all
}

// generated is how many searches are compared with the scan, and scanned how many tweets the oracle reads at most. The short form of the
// test searches only the tweets that the oracle has read; more of them than MaxRanked have the same word.
var (
	generated = testtime.Soak(120, 1000)
	scanned   = testtime.Soak(6000, 1<<30)
)

// Searches of the imported data return what a scan of the tweets returns, in its order, on both kinds of databases.
func TestSearchIsAScan(t *testing.T) {
	t.Parallel()
	for _, postgres := range []bool{true, false} {
		t.Run(map[bool]string{true: "postgres", false: "sqlite"}[postgres], func(t *testing.T) {
			t.Parallel()
			s := imported(t, postgres)
			tokensOf(s.tweets)
			oldest := int64(0)
			if len(s.tweets) == scanned {
				oldest = s.tweets[scanned-1].id
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			found, whole := 0, 0
			ranked := false
			for _, k := range append(s.queries(rnd, generated), search.Key{Query: "com", Size: 1500}) {
				k.From = max(k.From, oldest)
				want := s.scan(t, k)
				ranked = ranked || k.Order == search.Relevant && len(want) > search.MaxRanked
				got, ended := s.read(t, k, 4)
				if ended {
					whole++
				}
				if len(want) > len(got) && !ended {
					want = want[:len(got)]
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%+v finds %d tweets, the scan %d: %s", k, len(got), len(want), firstDifference(got, want))
				}
				found += len(got)
			}
			slices.Sort(s.slow)
			t.Logf("%d tweets in %d pages of %d searches, %d to their end; a page takes %v, %v at p99, %v at most", found, len(s.slow), generated,
				whole, s.slow[len(s.slow)/2], s.slow[len(s.slow)*99/100], s.slow[len(s.slow)-1])
			if found < 10*generated/2 || whole < generated/4 || !ranked {
				t.Errorf("the searches find too little")
			}
		})
	}
}

func firstDifference(got, want []int64) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d is missing at %d", want[i], i)
		case i >= len(want):
			return fmt.Sprintf("%d is too much at %d", got[i], i)
		case got[i] != want[i]:
			return fmt.Sprintf("%d, not %d, at %d", got[i], want[i], i)
		}
	}
	return "none"
}
