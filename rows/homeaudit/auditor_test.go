package homeaudit

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/cache/audit"
	"roost/rows"
	"roost/testkit/domaintest"
	"roost/testkit/rowstest"
)

// world is a viewer who follows a friend, and others who follow nobody. The friend has tweeted 250 times, and has retweeted a tweet that
// was deleted later.
type world struct {
	*domaintest.Domain
	viewer, friend int64
	auditor        *Auditor
}

func newWorld(t *testing.T) world {
	t.Helper()
	d := domaintest.New(t)
	all := d.Users(t, 4)
	w := world{Domain: d, viewer: all[0], friend: all[1]}
	store := rowstest.New(t, rows.Sources{Accounts: d.Accounts, Counts: d.Counts, Follows: d.Follows, Tweets: d.Tweets,
		Reactions: d.Reactions, Retweets: d.Retweets, Timelines: d.Timelines})
	d.Log.SetInvalidator(store)
	w.auditor = New(store, d.Timelines)
	for i, id := range all {
		w.exec(t, "INSERT INTO username_claims (name, user_id, version) VALUES ($1, $2, 1)", fmt.Sprintf("user%d", i+1), id)
	}
	d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, w.viewer, w.friend) })
	for range 250 {
		d.Post(t, w.friend, "hello")
	}
	gone := d.Post(t, all[2], "soon gone")
	d.Do(t, func(ctx context.Context) error { _, _, err := d.Retweets.Retweet(ctx, w.friend, gone); return err },
		func(ctx context.Context) error { return d.Tweets.Delete(ctx, all[2], gone) })
	return w
}

func (w world) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := w.DB.Writer().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func (w world) run(t *testing.T, c Config) *Report {
	t.Helper()
	c.settle = time.Millisecond
	report, err := w.auditor.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Viewers are drawn from those who follow somebody, or named, in either case of letters; as many entries are compared as was asked for.
func TestWhatIsCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		of               Config
		viewers, entries int64
	}{
		{Config{}, 1, DefaultDepth},
		{Config{Depth: 5}, 1, 5},
		{Config{Depth: 1000}, 1, 250},
		{Config{Users: []string{"User1", "user2", "user3"}, Depth: 150}, 3, 300},
	} {
		var last Progress
		c.of.Progress = func(p Progress) { last = p }
		r := w.run(t, c.of)
		if r.Viewers != c.viewers || r.Entries != c.entries || r.Found() != 0 || r.Settled != 0 {
			t.Errorf("%+v: %+v", c.of, r)
		}
		if last != (Progress{Compared: c.viewers}) {
			t.Errorf("%+v: the progress ends with %+v", c.of, last)
		}
	}
}

// Four timelines at a rate of 4 a second take at least a second.
func TestRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := time.Now()
	w.run(t, Config{Users: strings.Split("user1,user2,user1,user2", ","), Rate: 4, Depth: 1})
	if took := time.Since(began); took < time.Second {
		t.Errorf("4 timelines took %s at 4 a second", took)
	}
}

// A difference that is gone at the second or third look is not reported, one that stays is.
func TestDifferencesMustStay(t *testing.T) {
	t.Parallel()
	for look, want := range map[int64]*Report{1: {Settled: 1}, 2: {Settled: 1}, 3: {Differing: 1, Missing: 1}} {
		w := newWorld(t)
		id := w.Post(t, w.friend, "hidden")
		w.run(t, Config{}) // caches the lists
		mark := func(when string) { w.exec(t, "UPDATE tweets SET deleted_at = "+when+" WHERE id = $1", id) }
		mark("created_at")
		if err := w.auditor.rows.DropHome(t.Context(), w.viewer, []int64{w.friend}, []int64{id}); err != nil {
			t.Fatal(err)
		}
		w.run(t, Config{}) // caches lists without it
		mark("NULL")
		seen := int64(0)
		r := w.run(t, Config{Progress: func(p Progress) {
			if seen++; seen == look {
				mark("created_at")
			}
		}})
		if r.Settled != want.Settled || r.Differing != want.Differing || r.Missing != want.Missing || r.Viewers != 1 {
			t.Errorf("gone after look %d: %+v", look, r)
		}
	}
}

// What is out of range, and names of nobody, are refused.
func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, c := range map[string]Config{
		"at most 1000 users": {Users: make([]string, MaxUsers+1)}, "viewers must be": {Viewers: -1}, "depth must be": {Depth: MaxDepth + 1},
		"the rate is -1": {Rate: -1}, "examples must be": {Examples: audit.MaxExamples + 1},
		`there is no user "nobody"`: {Users: []string{"nobody"}}, `"no body" is no username`: {Users: []string{"no body"}},
	} {
		if _, err := w.auditor.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
