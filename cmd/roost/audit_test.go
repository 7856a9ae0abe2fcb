package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/app"
	"roost/cache"
	"roost/cache/audit"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
)

// audits runs `roost audit cache` and returns what it prints, with single spaces.
func audits(r *apitest.Roost, args ...string) (string, error) {
	where := []string{"--database-url", r.Config.DatabaseURL, "--redis-url", r.Config.RedisURL}
	if r.Mode == apitest.Embedded {
		where = []string{"--admin-addr", r.App.AdminAddr().String()}
	}
	var out bytes.Buffer
	err := run(context.Background(), append(append([]string{"audit", "cache"}, where...), args...), &out)
	return regexp.MustCompile(` +`).ReplaceAllString(out.String(), " "), err
}

// line returns the figures of a kind.
func line(t testing.TB, out, kind string) (n []int) {
	t.Helper()
	for l := range strings.Lines(out) {
		if f := strings.Fields(l); len(f) > 0 && f[0] == kind {
			for _, word := range f[1:] {
				i, err := strconv.Atoi(word)
				if err != nil {
					t.Fatal(out)
				}
				n = append(n, i)
			}
			return n
		}
	}
	t.Fatalf("%s is not in\n%s", kind, out)
	return nil
}

func change(t testing.TB, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Writer().ExecContext(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// auditWorld writes, and reads all kinds of entries into the cache.
func auditWorld(t testing.TB, r *apitest.Roost) (ada, bob *apitest.User, tweet string, read func()) {
	t.Helper()
	ada, bob = r.SignUp(t, "ada"), r.SignUp(t, "bob")
	for i := range 5 {
		tweet = ada.Tweet(t, fmt.Sprint("tweet ", i))
	}
	bob.Follow(t, ada.ID)
	bob.React(t, tweet, "LIKE")
	const page = `{ viewer { email homeTimeline { nodes { text author { username bio tweetCount viewerIsFollowing isFollowingViewer }
		reactions { likeCount viewerReaction } } } } }`
	read = func() {
		t.Helper()
		bob.Must(t, page, nil)
		ada.Must(t, page, nil)
		ada.Must(t, `query($n: String!) { user(username: $n) { name } nobody: user(username: "nobody_at_all") { id } }`,
			apitest.Vars{"n": bob.Name})
	}
	read()
	return ada, bob, tweet, read
}

// All of Redis equals SQL after writes and reads. What is made to differ by hand is found, by kind and way, also
// by the sampler of the node; a repair removes it, and nothing else.
func TestAuditCommand(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, _, read := auditWorld(t, r)
		out, err := audits(r)
		if err != nil {
			t.Fatalf("at rest: %v\n%s", err, out)
		}
		for _, kind := range []string{"user", "username", "session", "user_stats", "followed", "author_list", "tweet", "tweet_stats", "reacted"} {
			if n := line(t, out, kind); n[0] == 0 || n[0] != n[1] {
				t.Errorf("%s: %d compared, %d equal:\n%s", kind, n[0], n[1], out)
			}
		}
		db := r.DB(t)
		// A user changes without an invalidation, a tweet without a version, and counts are those of yesterday, whose version is also
		// that of the list of the user's tweets.
		change(t, db, "UPDATE users SET bio = 'by hand', version = version + 1 WHERE username = $1", ada.Name)
		change(t, db, "UPDATE tweets SET text = 'by hand' WHERE text = 'tweet 1'")
		change(t, db, "UPDATE user_stats SET tweet_count = 4, version = version - 1 WHERE tweet_count = 5")
		out, err = audits(r)
		if err == nil || err.Error() != "4 entries differ from SQL" {
			t.Errorf("%v\n%s", err, out)
		}
		user, tweet, counts := line(t, out, "user"), line(t, out, "tweet"), line(t, out, "user_stats")
		if user[3] != 1 || tweet[5] != 1 || counts[4] != 1 || user[1] != user[0]-1 {
			t.Errorf("behind, differs, ahead:\n%s", out)
		}
		if strings.Count(out, `"`+cache.EntryPrefix) != 4 {
			t.Errorf("the examples:\n%s", out)
		}
		if out, err := audits(r, "--examples=1"); strings.Count(out, `"`+cache.EntryPrefix) != 1 {
			t.Errorf("one example: %v\n%s", err, out)
		}
		apitest.Until(t, "the sampler finds them", func() bool {
			page := metricsOf(t, r)
			return strings.Contains(page, "roost_cache_stale_entries 1\n") &&
				strings.Contains(page, `roost_cache_samples_total{kind="tweet",outcome="differs"}`) &&
				strings.Contains(page, `roost_cache_samples_total{kind="user_stats",outcome="ahead"}`)
		})

		out, err = audits(r, "--repair")
		if err == nil || err.Error() != "removed 4 entries that differed from SQL" || line(t, out, "all")[9] != 4 {
			t.Errorf("repair: %v\n%s", err, out)
		}
		apitest.Until(t, "the sampler sees it settle", func() bool {
			page := metricsOf(t, r)
			return strings.Contains(page, "roost_cache_stale_entries 0\n") &&
				!strings.Contains(page, `roost_cache_staleness_seconds_sum{kind="user"} 0`+"\n")
		})
		res := bob.Must(t, `query($id: ID!) { node(id: $id) { ... on User { bio } } }`, apitest.Vars{"id": ada.ID})
		if bio := res.String("node.bio"); bio != "by hand" {
			t.Errorf("after the repair the bio is %q", bio)
		}
		read()
		if out, err := audits(r); err != nil || line(t, out, "user")[1] < 2 {
			t.Errorf("in the end: %v\n%s", err, out)
		}
	}, func(c *app.Config) { c.SampleEvery = 50 * time.Millisecond })
}

// Beside writes nothing is found: what is in flight settles.
func TestAuditBesideWrites(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, tweet, read := auditWorld(t, r)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i, write := range []string{
			`mutation { updateProfile(input: {bio: "new"}) { userErrors { code } } }`,
			`mutation($tweet: ID!) { setReaction(input: {subjectId: $tweet, reaction: DISLIKE}) { userErrors { code } } }`,
			`mutation($ada: ID!) { unfollowUser(input: {userId: $ada}) { userErrors { code } } }`,
			`mutation($tweet: ID!) { setReaction(input: {subjectId: $tweet, reaction: LIKE}) { userErrors { code } } }`,
			`mutation($ada: ID!) { followUser(input: {userId: $ada}) { userErrors { code } } }`,
			`{ viewer { homeTimeline { nodes { author { bio tweetCount viewerIsFollowing } reactions { likeCount viewerReaction } } } } }`,
		} {
			all.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					query := strings.Replace(write, `"new"`, fmt.Sprintf(`"bio %d"`, n), 1)
					if _, err := bob.Do(ctx, query, apitest.Vars{"tweet": tweet, "ada": ada.ID}); err != nil && ctx.Err() == nil {
						t.Errorf("writer %d: %v", i, err)
						return
					}
				}
			})
		}
		settled := 0
		for i := 0; i < 40 && settled < 2; i++ {
			out, err := audits(r)
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			settled += line(t, out, "all")[2]
		}
		stop()
		all.Wait()
		t.Logf("%d entries settled", settled)
		read()
		if out, err := audits(r); err != nil || line(t, out, "all")[2] != 0 {
			t.Errorf("at rest: %v\n%s", err, out)
		}
		page := metricsOf(t, r)
		for _, bad := range []string{`outcome="ahead"`, `outcome="differs"`} {
			if strings.Contains(page, bad) {
				t.Errorf("the sampler reports %s", bad)
			}
		}
	}, func(c *app.Config) { c.SampleEvery = 20 * time.Millisecond })
}

func metricsOf(t testing.TB, r *apitest.Roost) string {
	t.Helper()
	res, err := http.Get("http://" + r.App.AdminAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// A node in server mode audits through its admin address, too, one audit at a time; who asks in a wrong way is
// refused.
func TestAuditOverTheAdminAddress(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	auditWorld(t, r)
	addr := r.App.AdminAddr().String()
	var out bytes.Buffer
	if err := run(context.Background(), []string{"audit", "cache", "--admin-addr", addr}, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	err := run(context.Background(), []string{"audit", "cache", "--admin-addr", strings.TrimPrefix(r.URL, "http://")}, &out)
	if err == nil || !strings.Contains(err.Error(), "is no admin address of roost") {
		t.Errorf("the public address: %v", err)
	}
	slow, cancel := context.WithCancel(context.Background())
	defer cancel()
	var ended chan error
	apitest.Until(t, "a slow one to run", func() bool { // the one before may not have ended there yet
		runs := make(chan struct{}, 1)
		ended = make(chan error, 1)
		go func() {
			_, err := app.CacheAudits.Remote(addr)(slow, audit.Config{Rate: 1, Progress: func(audit.Progress) {
				select {
				case runs <- struct{}{}:
				default:
				}
			}})
			ended <- err
		}()
		select {
		case <-runs:
			return true
		case <-ended:
			return false
		}
	})
	err = run(context.Background(), []string{"audit", "cache", "--admin-addr", addr}, &out)
	if err == nil || err.Error() != "another audit of the cache is running" {
		t.Errorf("two at once: %v", err)
	}
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("who leaves: %v", err)
	}
	apitest.Until(t, "it to end there", func() bool {
		return run(context.Background(), []string{"audit", "cache", "--admin-addr", addr}, &out) == nil
	})
	for contentType, body := range map[string]string{"text/plain": "{}", "application/json": "x"} {
		res, err := http.Post("http://"+addr+"/audit/cache", contentType, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("%s %q: %s", contentType, body, res.Status)
		}
		_ = res.Body.Close()
	}
}
