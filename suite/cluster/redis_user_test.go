package cluster

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/app"
	"roost/cache/audit"
	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
)

// The user of docs/redis.md may do all that nodes ask of Redis, and not more than a node needs.
func TestRedisUser(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(rig.Repository(t), "docs", "redis.md"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ACL SETUSER .*$`).FindString(string(page))
	if line == "" {
		t.Fatal("docs/redis.md has no user")
	}
	redis := redistest.Start(t)
	if _, err := redis.Do(strings.Replace(line, ">PASSWORD", ">secret", 1)); err != nil {
		t.Fatal(err)
	}
	c := app.Config{DatabaseURL: apitest.Migrated(t), RedisURL: strings.Replace(redis.URL(), "redis://", "redis://roost:secret@", 1)}
	one := apitest.New(t, apitest.Server, func(o *app.Config) {
		o.DatabaseURL, o.RedisURL, o.SampleEvery = c.DatabaseURL, c.RedisURL, 50*time.Millisecond
	})
	two := rig.StartAnother(t, one)

	ada, bob := one.SignUp(t, "ada"), two.SignUp(t, "bob")
	ada.Follow(t, bob.ID)
	socket := rig.UserOn(two, ada).Dial(t)
	stream := socket.Subscribe(t, rig.CursorEvents, nil)
	apitest.Until(t, "a tweet of the other node comes", func() bool {
		bob.Tweet(t, "hello")
		return stream.Next(t).String("homeTimelineEvents.__typename") == "TimelineEntryAdded"
	})
	tweet := bob.Tweet(t, "hello again")
	for range 3 {
		ada.React(t, tweet, "LIKE")
		rig.UserOn(two, ada).Home(t, 20)
		bob.Delete(t, bob.Tweet(t, "short-lived"))
	}
	const persisted = `{ viewer { email } }`
	if _, err := ada.Persist(t.Context(), persisted); err != nil {
		t.Error(err)
	}
	for range 2 {
		if res, err := rig.UserOn(two, ada).Persisted(t.Context(), persisted); err != nil || len(res.Errors) > 0 {
			t.Errorf("a persisted query on the other node: %v, %v", res, err)
		}
	}
	auditCache, closeStores, err := app.CacheAudits.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := auditCache(t.Context(), audit.Config{Rate: audit.DefaultRate, Repair: true}); err != nil || report.Sum().Compared == 0 {
		t.Errorf("the audit: %+v, %v", report, err)
	}
	if err := closeStores(); err != nil {
		t.Error(err)
	}
	if err := one.App.ClearCache(t.Context()); err != nil {
		t.Error(err)
	}
	two.LogIn(t, bob)

	var stats string
	apitest.Until(t, "the nodes to take samples of the cache", func() bool {
		if stats, err = redis.Do("INFO commandstats"); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(stats, "cmdstat_randomkey:")
	})
	for line := range strings.Lines(stats) {
		if strings.HasPrefix(line, "cmdstat_") && !strings.Contains(line, "rejected_calls=0") {
			t.Errorf("Redis refused a command: %s", strings.TrimSpace(line))
		}
	}
	if strings.Count(stats, "cmdstat_") < 10 {
		t.Errorf("nodes asked only for\n%s", stats)
	}
	for _, command := range []string{"+@all", "+flushall", "+config", "+keys", "+eval|", "+script|flush"} {
		if strings.Contains(line, command) {
			t.Errorf("the user may do %s", command)
		}
	}
}
