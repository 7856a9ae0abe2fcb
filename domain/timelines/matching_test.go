package timelines_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/internal/words"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
)

// searched is a site with a random history, whose timelines are searched.
type searched struct {
	*domaintest.Domain
	t         *testing.T
	dice      *rand.Rand
	users     []int64
	tweets    []int64
	authorOf  map[int64]int64
	tokens    map[int64][]words.Token // by tweet
	suspended map[int64]bool
}

func newSearched(t *testing.T, c sqldb.Config, seed uint64) *searched {
	d := domaintest.On(t, c)
	return &searched{Domain: d, t: t, dice: rand.New(rand.NewPCG(seed, 7)), users: d.Users(t, 9), authorOf: map[int64]int64{},
		tokens: map[int64][]words.Token{}, suspended: map[int64]bool{}}
}

func pick[T any](s *searched, all []T) T { return all[s.dice.IntN(len(all))] }

// text is made of few words, some of them rare.
func (s *searched) text() string {
	parts := make([]string, 1+s.dice.IntN(6))
	for i := range parts {
		n := min(s.dice.IntN(12), s.dice.IntN(12))
		parts[i] = []string{"w%d", "w%d", "w%d", "#w%d", "@user%d"}[s.dice.IntN(5)]
		parts[i] = fmt.Sprintf(parts[i], n)
	}
	return strings.Join(parts, " ")
}

func (s *searched) query() string {
	var parts []string
	for range 1 + s.dice.IntN(2) {
		part := s.text()
		if fields := strings.Fields(part); s.dice.IntN(3) > 0 {
			part = fields[0]
		} else {
			part = `"` + strings.Join(fields[:min(len(fields), 2)], " ") + `"`
		}
		parts = append(parts, []string{"", "", "", "-"}[s.dice.IntN(4)]+part)
	}
	return strings.Join(parts, " ")
}

// step changes something. Steps that are refused change nothing.
func (s *searched) step() {
	user, ctx := pick(s, s.users), s.t.Context()
	var err error
	switch n := s.dice.IntN(20); {
	case n < 8 || len(s.tweets) == 0:
		draft := tweets.Draft{Text: s.text()}
		if n < 4 && len(s.tweets) > 0 {
			draft.InReplyTo = pick(s, s.tweets)
		}
		var made *tweets.Tweet
		if made, err = s.Tweets.PostDraft(ctx, user, draft); err == nil {
			id := int64(made.ID)
			s.tweets, s.authorOf[id], s.tokens[id] = append(s.tweets, id), user, words.Tokens(draft.Text)
		}
	case n < 12:
		_, _, err = s.Retweets.Retweet(ctx, user, pick(s, s.tweets))
	case n < 14:
		_, _, err = s.Retweets.Undo(ctx, user, pick(s, s.tweets))
	case n < 15:
		tweet := pick(s, s.tweets)
		err = s.Tweets.Delete(ctx, s.authorOf[tweet], tweet)
	case n < 18:
		err = s.Follows.Follow(ctx, user, pick(s, s.users))
	case n < 19:
		err = s.Follows.Unfollow(ctx, user, pick(s, s.users))
	case s.dice.IntN(8) == 0:
		update := s.Client.User.UpdateOneID(user)
		if s.suspended[user] = !s.suspended[user]; s.suspended[user] {
			update.SetSuspendedAt(s.Clock.Now())
		} else {
			update.ClearSuspendedAt()
		}
		err = update.Exec(ctx)
	}
	if err != nil && !refused(err) {
		s.t.Fatal(err)
	}
}

func refused(err error) bool {
	switch err.(type) {
	case *errs.Error, errs.List:
		return true
	}
	return false
}

// index has the index contain everything.
func (s *searched) index() {
	if _, err := s.Search.Rebuild(s.t.Context(), false, nil); err != nil {
		s.t.Fatal(err)
	}
}

// timeline reads pages of one timeline.
type timeline func(w cursors.Window, matching string) (cursors.Page[timelines.Entry], error)

// home is the home timeline of a viewer.
func (s *searched) home(viewer int64) timeline {
	followed, err := s.Timelines.Followed(s.t.Context(), []int64{viewer})
	if err != nil {
		s.t.Fatal(err)
	}
	var authors []int64
	for _, id := range timelines.HomeAuthors(viewer, followed[viewer]) {
		if !s.suspended[id] {
			authors = append(authors, id)
		}
	}
	return func(w cursors.Window, matching string) (cursors.Page[timelines.Entry], error) {
		if matching == "" {
			return s.Timelines.Home(s.t.Context(), authors, w)
		}
		return s.Timelines.HomeMatching(s.t.Context(), authors, matching, w)
	}
}

// own is a user's own timeline, with some kinds of entries.
func (s *searched) own(user int64, kinds uint8) timeline {
	return func(w cursors.Window, matching string) (cursors.Page[timelines.Entry], error) {
		k := sqldb.Key{Owner: user, Window: w, Kinds: kinds, Matching: matching}
		pages, err := s.Timelines.OfUsers(s.t.Context(), []sqldb.Key{k, {Owner: pick(s, s.users), Window: w, Kinds: kinds, Matching: matching}})
		return pages[k], err
	}
}

// naive reads a whole timeline and keeps what matches.
func (s *searched) naive(of timeline, query string) []timelines.Entry {
	all := s.read(of, "", false, func() int { return 20 }, func() {})
	q, err := words.Parse(query)
	if err != nil {
		s.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(e timelines.Entry) bool { return !q.Matches(s.tokens[e.Item]) })
}

// read reads a search of a timeline page by page, newest first. Between pages it calls meanwhile.
func (s *searched) read(of timeline, query string, backward bool, size func() int, meanwhile func()) (out []timelines.Entry) {
	w := cursors.Whole(0)
	for w.Backward = backward; ; meanwhile() {
		w.Size = size()
		p, err := of(w, query)
		if err != nil {
			s.t.Fatal(err)
		}
		switch n := len(p.Items); {
		case n > w.Size || p.More && n < w.Size:
			s.t.Fatalf("%q: a page of %d has %d entries, and more follow: %t", query, w.Size, n, p.More)
		case backward:
			out = append(slices.Clone(p.Items), out...)
		default:
			out = append(out, p.Items...)
		}
		if !p.More {
			return out
		}
		if backward {
			w.Below = out[0].SortKey
		} else {
			w.Above = out[len(out)-1].SortKey
		}
	}
}

// A search of a timeline returns what a scan of the whole timeline returns: the same entries at the same places, forwards and backwards,
// whatever the sizes of pages, for home timelines and for users' own timelines of all kinds of entries, whether tweets are placed one by
// one or the timeline is gone through.
func TestTimelineSearchIsAScan(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := newSearched(t, c, 1)
		found, retweeted := 0, 0
		for range 4 {
			for range 150 {
				s.step()
			}
			s.index()
			for range 30 {
				s.Timelines.SetMaxHits([]int{0, 5, timelines.MaxHits}[s.dice.IntN(3)])
				s.Timelines.SetMaxAuthored([]int{-1, timelines.MaxAuthored}[s.dice.IntN(2)])
				query, of := s.query(), s.home(pick(s, s.users))
				if s.dice.IntN(3) == 0 {
					of = s.own(pick(s, s.users), uint8(1+s.dice.IntN(7)))
				}
				want := s.naive(of, query)
				got := s.read(of, query, s.dice.IntN(2) == 0, func() int { return 1 + s.dice.IntN(9) }, func() {})
				if !slices.Equal(got, want) {
					t.Fatalf("%q finds\n%v, not\n%v", query, got, want)
				}
				found += len(want)
				for _, e := range want {
					if e.By != 0 {
						retweeted++
					}
				}
			}
		}
		t.Logf("%d entries were found, %d of them retweets", found, retweeted)
		if found < 500 || retweeted < 50 {
			t.Error("the searches find too little")
		}
	})
}

// Pages of a search of a timeline neither repeat an entry nor leave one out, while tweets, retweets and follows come and go.
func TestTimelineSearchWhileEntriesComeAndGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := newSearched(t, c, 2)
		for range 300 {
			s.step()
		}
		s.index()
		kept := 0
		for round := range 8 {
			s.Timelines.SetMaxHits([]int{0, timelines.MaxHits}[round%2])
			s.Timelines.SetMaxAuthored([]int{-1, timelines.MaxAuthored}[round/2%2])
			query, viewer := []string{"w0", "w1", "-w0"}[round%3], pick(s, s.users)
			stay := setOf(s.naive(s.home(viewer), query))
			ever := maps.Clone(stay)
			of := func(w cursors.Window, matching string) (cursors.Page[timelines.Entry], error) {
				return s.home(viewer)(w, matching)
			}
			got := s.read(of, query, round%4 < 2, func() int { return 1 + s.dice.IntN(6) }, func() {
				for range 3 {
					s.step()
				}
				s.index()
				now := setOf(s.naive(s.home(viewer), query))
				maps.DeleteFunc(stay, func(e timelines.Entry, _ bool) bool { return !now[e] })
				maps.Copy(ever, now)
			})
			for i, e := range got {
				if !ever[e] || i > 0 && e.SortKey >= got[i-1].SortKey {
					t.Errorf("%q has %v, which was never there or is out of order: %v", query, e, got)
				}
				delete(stay, e)
				kept++
			}
			if len(stay) > 0 {
				t.Errorf("%q lacks %v", query, stay)
			}
		}
		if kept < 50 {
			t.Errorf("only %d entries were read", kept)
		}
	})
}

// A word that many have used and hardly anybody whom the viewer follows is looked for among what these have written; one that they use
// all the time, or that is rare, among its tweets.
func TestTimelineSearchTakesTheShorterWay(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := newSearched(t, c, 4)
		quiet, loud := s.users[0], s.users[1]
		for i := range 250 {
			s.Post(t, loud, fmt.Sprintf("often %d", i))
		}
		for range 5 {
			s.Post(t, quiet, "something else")
		}
		s.index()
		for _, c := range []struct {
			query   string
			author  int64
			most    int
			bounded int
			authors bool
		}{
			{"often", quiet, 30, timelines.MaxAuthored, true},
			{"often", quiet, 30, 5, true},
			{"often", quiet, 30, 4, false},
			{"often", loud, 30, timelines.MaxAuthored, false},
			{"often", loud, 150, timelines.MaxAuthored, true},
			{"nothing", loud, 1, timelines.MaxAuthored, true},
		} {
			s.Timelines.SetMaxAuthored(c.bounded)
			statement, byAuthors, err := s.Timelines.OwnMatching(t.Context(), c.query, []int64{c.author}, c.most)
			if err != nil || byAuthors != c.authors {
				t.Errorf("%+v: by authors %t, %v", c, byAuthors, err)
			}
			if s.DB.IsPostgres() {
				continue // its plans depend on statistics
			}
			plan := s.explain(statement)
			if byAuthors != strings.Contains(plan, "search_tweets_of_author") || byAuthors != strings.Contains(plan, "TEMP B-TREE FOR ORDER") {
				t.Errorf("%+v is read by the plan %s", c, plan)
			}
		}
	})
}

// explain returns SQLite's plan of a statement.
func (s *searched) explain(statement string) string {
	s.t.Helper()
	steps, err := sqldb.ScanAll(s.t.Context(), s.DB, "EXPLAIN QUERY PLAN "+statement, nil,
		func(r *[4]any) []any { return []any{&r[0], &r[1], &r[2], &r[3]} })
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, step := range steps {
		all = append(all, fmt.Sprint(step[3]))
	}
	return strings.Join(all, "; ")
}

func setOf(all []timelines.Entry) map[timelines.Entry]bool {
	out := map[timelines.Entry]bool{}
	for _, e := range all {
		out[e] = true
	}
	return out
}

// What nobody would search for is refused as in other searches, or finds only what has its words.
func TestHostileSearchesOfTimelines(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := newSearched(t, c, 3)
		user := s.users[0]
		id := s.Post(t, user, `it's 100% "a\b" OR 1=1; DROP w0 é`)
		s.index()
		for _, of := range []timeline{s.home(user), s.own(user, timelines.OwnTweets|timelines.Retweets|timelines.Replies)} {
			for query, finds := range map[string]bool{
				`'; DROP TABLE tweets; --`: false, `DROP`: true, "w0\x00": true, "\x00": false, `100%`: true, `%`: false, `"`: false, `"a\b"`: true,
				`w0 OR nothing`: false, `w0'`: true, `w0"`: true, `w0*`: true, `tokens:w0`: false, `w0 & !w0`: true, `(w0)`: true,
				`É`: true, `-w0`: false,
				`-nothing`: true, strings.Repeat("w0 ", 100): true, strings.Repeat("x", 10<<10): false, ":*": false, "\xff w0": true,
			} {
				for _, w := range []cursors.Window{cursors.Whole(5), cursors.Whole(0)} {
					p, err := of(w, query)
					if _, wrong := words.Parse(query); wrong != nil {
						if fmt.Sprint(err) != wrong.Error() {
							t.Errorf("%.20q: got %v, want %v", query, err, wrong)
						}
						continue
					}
					if err != nil || len(p.Items) > w.Size || w.Size > 0 && (len(p.Items) == 1) != finds || w.Size == 0 && p.More != finds {
						t.Errorf("%.20q finds %v, %v", query, p, err)
					}
				}
			}
		}
		s.Do(t, func(ctx context.Context) error { return s.Tweets.Delete(ctx, user, id) })
		if p, err := s.home(user)(cursors.Whole(5), "w0"); err != nil || len(p.Items) > 0 {
			t.Errorf("a deleted tweet is found: %v, %v", p, err)
		}
	})
}
