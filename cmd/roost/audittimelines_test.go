package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"roost/cache"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
)

// auditsTimelines runs `roost audit timelines` and returns what it prints, with single spaces.
func auditsTimelines(r *apitest.Roost, overAdmin bool, args ...string) (string, error) {
	where := []string{"--database-url", r.Config.DatabaseURL, "--redis-url", r.Config.RedisURL}
	if overAdmin || r.Mode == apitest.Embedded {
		where = []string{"--admin-addr", r.App.AdminAddr().String()}
	}
	var out bytes.Buffer
	err := run(context.Background(), append(append([]string{"audit", "timelines"}, where...), args...), &out)
	return regexp.MustCompile(` +`).ReplaceAllString(out.String(), " "), err
}

// sums returns the line of figures of an audit of timelines: timelines, entries, settled, differing, missing, extra, misplaced
// and repaired ones.
func sums(t testing.TB, out string) string {
	t.Helper()
	lines := strings.Split(out, "\n")
	if len(lines) < 2 {
		t.Fatal(out)
	}
	return strings.TrimSpace(lines[1])
}

// timelineWorld is a viewer, bob, who follows ada, with more entries than a list holds, and carl. Both have retweeted a tweet of dan's.
type timelineWorld struct {
	*apitest.Roost
	bob, ada, carl, dan *apitest.User
	tweets              []string // ada's, oldest first; the one before the last is deleted
	retweeted           string
}

func newTimelineWorld(t *testing.T, r *apitest.Roost) *timelineWorld {
	t.Helper()
	w := &timelineWorld{Roost: r, ada: r.SignUp(t, "ada"), bob: r.SignUp(t, "bob"), carl: r.SignUp(t, "carl"), dan: r.SignUp(t, "dan")}
	w.bob.Follow(t, w.ada.ID)
	w.bob.Follow(t, w.carl.ID)
	w.retweeted = w.dan.Tweet(t, "passed on")
	for i := range 150 {
		w.tweets = append(w.tweets, w.ada.Tweet(t, fmt.Sprint("tweet ", i)))
	}
	w.ada.Retweet(t, w.retweeted)
	w.carl.Tweet(t, "between the retweets")
	w.carl.Retweet(t, w.retweeted)
	w.ada.Delete(t, w.tweets[148])
	r.UntilRelayed(t) // the relay repairs what a test makes wrong before it has passed
	for range 3 {
		w.bob.Home(t, 100)
	}
	return w
}

// tamper makes the cached rows differ from SQL, which changes without an invalidation: ada's last tweet goes, the deleted one is there
// again, and her retweet is undone, so that carl's counts.
func (w *timelineWorld) tamper(t *testing.T, db *sqldb.DB) {
	t.Helper()
	for _, query := range []string{
		"UPDATE tweets SET deleted_at = created_at, version = version + 1 WHERE text = 'tweet 149'",
		"UPDATE tweets SET deleted_at = NULL, version = version + 1 WHERE text = 'tweet 148'",
		"UPDATE retweets SET active = false, version = version + 1 WHERE user_id = (SELECT id FROM users WHERE username = 'NAME')",
	} {
		change(t, db, strings.ReplaceAll(query, "NAME", w.ada.Name))
	}
}

// home is what bob's timeline begins with after tamper.
func (w *timelineWorld) home(t *testing.T) bool {
	t.Helper()
	got := w.bob.Home(t, 4)
	return len(got) == 4 && got[0] == w.retweeted && slices.Equal(got[2:], []string{w.tweets[148], w.tweets[147]})
}

// At rest no timeline differs from SQL. What is made to differ by hand is found, by kind, makes the command fail, and is repaired.
func TestAuditTimelinesCommand(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		w := newTimelineWorld(t, r)
		out, err := auditsTimelines(r, false)
		if err != nil || sums(t, out) != "1 151 0 0 0 0 0 0" {
			t.Fatalf("at rest: %v\n%s", err, out)
		}
		w.tamper(t, r.DB(t))
		out, err = auditsTimelines(r, false, "--examples=2")
		if err == nil || err.Error() != "3 entries of 1 timelines differ from SQL" || sums(t, out) != "1 151 0 1 1 1 1 0" {
			t.Errorf("%v\n%s", err, out)
		}
		if n := strings.Count(out, " "+w.bob.Name+" "); n != 2 {
			t.Errorf("%d examples name the viewer:\n%s", n, out)
		}
		out, err = auditsTimelines(r, false, "--repair", "--user", w.dan.Name+","+w.bob.Name)
		if err == nil || err.Error() != "repaired 1 timelines with 3 entries that differed from SQL" || sums(t, out) != "2 152 0 1 1 1 1 1" {
			t.Errorf("repair: %v\n%s", err, out)
		}
		for _, example := range []string{"missing " + w.bob.Name + " " + w.tweets[148] + " - ", "extra " + w.bob.Name + " " + w.tweets[149] + " ",
			"misplaced " + w.bob.Name + " " + w.retweeted + " "} {
			if !strings.Contains(out, example) {
				t.Errorf("%q is not in\n%s", example, out)
			}
		}
		if !w.home(t) {
			t.Errorf("after the repair the timeline is %v", w.bob.Home(t, 4))
		}
		if out, err := auditsTimelines(r, false, "--depth=10"); err != nil || sums(t, out) != "1 10 0 0 0 0 0 0" {
			t.Errorf("in the end: %v\n%s", err, out)
		}
	})
}

// A list in Redis that has entries of another author is found.
func TestAuditTimelinesFindsAWrongList(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	w := newTimelineWorld(t, r)
	keyOf := func(u *apitest.User) string {
		return fmt.Sprintf("%sat:%d", cache.EntryPrefix, apitest.Int(t, r.DB(t), "SELECT id FROM users WHERE username = $1", u.Name))
	}
	if got, err := r.Redis.Do("RENAME " + keyOf(w.carl) + " " + keyOf(w.ada)); err != nil {
		t.Fatal(got, err)
	}
	if w.home(t) { // the node has copied the wrong list
		t.Error("the timeline is right with a wrong list")
	}
	if out, err := auditsTimelines(r, false); err == nil || !strings.Contains(err.Error(), "of 1 timelines differ from SQL") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := auditsTimelines(r, true, "--repair")
	if err == nil || !strings.HasPrefix(err.Error(), "repaired 1 timelines") {
		t.Errorf("repair: %v\n%s", err, out)
	}
	for _, overAdmin := range []bool{false, true} {
		if out, err := auditsTimelines(r, overAdmin); err != nil {
			t.Errorf("over the admin address %t, after the repair: %v\n%s", overAdmin, err, out)
		}
	}
}

// A node in server mode compares the timelines that it derives itself, and repairs its copies and the page that it keeps.
func TestAuditTimelinesOverTheAdminAddress(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	w := newTimelineWorld(t, r)
	w.tamper(t, r.DB(t))
	out, err := auditsTimelines(r, true, "--repair", "--user", w.bob.Name)
	if err == nil || err.Error() != "repaired 1 timelines with 3 entries that differed from SQL" || sums(t, out) != "1 151 0 1 1 1 1 1" {
		t.Errorf("%v\n%s", err, out)
	}
	if !w.home(t) {
		t.Errorf("after the repair the timeline is %v", w.bob.Home(t, 4))
	}
	if _, err := auditsTimelines(r, true, "--user", "nobody_at_all"); err == nil || err.Error() != `there is no user "nobody_at_all"` {
		t.Errorf("nobody: %v", err)
	}
}

// Nothing is found while people tweet, delete, retweet, undo, follow and unfollow.
func TestAuditTimelinesBesideWrites(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		w := newTimelineWorld(t, r)
		stop := make(chan struct{})
		var all sync.WaitGroup
		for _, write := range []func(){
			func() { w.ada.Delete(t, w.ada.Tweet(t, "soon gone")) },
			func() { w.carl.Tweet(t, "stays") },
			func() { w.ada.Unretweet(t, w.retweeted); w.ada.Retweet(t, w.retweeted) },
			func() { w.bob.Unfollow(t, w.carl.ID); w.bob.Follow(t, w.carl.ID) },
			func() { w.bob.Home(t, 100) },
		} {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						write()
					}
				}
			})
		}
		bobs := strings.Repeat(","+w.bob.Name, 25)[1:]
		out, err := auditsTimelines(r, false, "--user", bobs, "--rate=1000")
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		t.Log(out)
		close(stop)
		all.Wait()
		if out, err := auditsTimelines(r, false, "--user", w.bob.Name); err != nil || !strings.Contains(sums(t, out), " 0 0 0 0 0 0") {
			t.Errorf("at rest: %v\n%s", err, out)
		}
	})
}
