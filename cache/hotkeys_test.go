package cache

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// calls returns how often a server has executed a command since CONFIG RESETSTAT.
func calls(t *testing.T, r *redistest.Redis, command string) int {
	t.Helper()
	info, err := r.Do("INFO commandstats")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`cmdstat_` + regexp.QuoteMeta(command) + `:calls=(\d+)`).FindStringSubmatch(info)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A key whose copies were undone many times within a second, after fewer than four reads each, is read without being tracked: two
// commands a read, and no report when it is written. A key whose copies answer more reads is copied as before.
func TestWriteHotKeysAreExempt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, y, b := tierAt(t, server.URL()), tierAt(t, server.URL()), newTable()
	hot, read := key("hot"), key("read")
	b.write(hot)
	b.write(read)
	link := x.redis.coherence.(*tracked).link(x.redis.only)
	isExempt := func() bool { return link.hot.exempt(hot, time.Now()) }
	rounds := 0
	testtime.Until(t, "the key to be exempt", func() bool {
		rounds++
		for range 2 { // the first fills, the second adopts
			get(t, x, b, hot, read)
		}
		for range 2 * minHits {
			get(t, x, b, read)
		}
		for _, k := range []string{hot, read} {
			invalidate(t, y, Announcement{}, k, b.write(k).Version)
		}
		if got := get(t, x, b, hot, read); got[0].Version != int64(rounds+1) || got[1].Version != int64(rounds+1) {
			t.Fatalf("versions %d and %d, want %d", got[0].Version, got[1].Version, rounds+1)
		}
		return isExempt()
	})
	if rounds < hotAfter {
		t.Errorf("a key is exempt after %d copies were undone, want %d", rounds, hotAfter)
	}
	now := time.Now()
	if link.hot.exempt(read, now) {
		t.Error("a key whose copies answer many reads is exempt")
	}
	k := link.hot[hot]
	k.exemptedUntil = now.Add(time.Hour) // however slow the machine is
	link.hot[hot] = k
	get(t, x, b, hot)
	if _, err := server.Do("CONFIG RESETSTAT"); err != nil {
		t.Fatal(err)
	}
	const reads = 10
	for range reads {
		get(t, x, b, hot)
	}
	for command, want := range map[string]int{"client|caching": reads, "hmget": reads, "pttl": 0} {
		if got := calls(t, server, command); got != want {
			t.Errorf("%d reads of an exempt key take %d %s, want %d", reads, got, command, want)
		}
	}
	reports := counterValue(link.of.metrics.undone)
	version := b.write(hot).Version
	invalidate(t, y, Announcement{}, hot, version)
	if got := get(t, x, b, hot)[0].Version; got != version {
		t.Errorf("version %d of an exempt key, want %d", got, version)
	}
	if n := counterValue(link.of.metrics.undone) - reports; n != 0 {
		t.Errorf("%v reports of an exempt key", n)
	}
	if counterValue(link.of.metrics.exempt) == 0 {
		t.Error("the metric counts no exempt key")
	}
}

// A key is judged by its copies of the last second, and exempt for a second.
func TestHotKeys(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := hotKeys{}
	for range hotAfter {
		h.dropped("rarely written", 0, now, hotAfter)
		now = now.Add(hotWithin + 1)
	}
	for range hotAfter {
		h.dropped("much read", minHits, now, hotAfter)
		h.dropped("hot", minHits-1, now, hotAfter)
	}
	for key, want := range map[string]bool{"rarely written": false, "much read": false, "hot": true, "other": false} {
		if got := h.exempt(key, now); got != want {
			t.Errorf("%s is exempt: %t", key, got)
		}
	}
	if h.exempt("hot", now.Add(exemptFor)) {
		t.Error("a key is exempt for more than a second")
	}
	for i := range 3 * maxHot {
		h.dropped(fmt.Sprint(i), 0, now, hotAfter)
	}
	if len(h) > maxHot {
		t.Errorf("%d keys are watched", len(h))
	}
}

// Reads of keys that are written all the time are as fresh as others, because exempt keys do not become copies; if they did, their copies
// would be stale.
func TestExemptKeysAreFresh(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]bool{"as it is": false, "if exempt keys became copies": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			c := newCrowd(3, tierAt(t, server.URL()), tierAt(t, server.URL()))
			exempt := 0.0
			for _, x := range c.nodes {
				x.redis.coherence.(*tracked).without.exemption = without
				x.redis.coherence.(*tracked).hotAfter = 4 // a few nodes write slowly
			}
			count := func() float64 {
				exempt = 0
				for _, x := range c.nodes {
					exempt += counterValue(x.redis.coherence.(*tracked).metrics.exempt)
				}
				return exempt
			}
			writes := func(rnd *rand.Rand) {
				for range disturbEvery / 10 {
					c.write(t.Context(), rnd.IntN(len(c.nodes)), rnd)
				}
			}
			for target := int64(0); !without && count() == 0 || without && c.stale.Load() == 0; {
				if target += crowdReads(); target > 40*crowdReads() {
					t.Fatalf("of %d keys read %d were stale, %.0f were exempt", c.reads.Load(), c.stale.Load(), exempt)
				}
				c.run(t, target, writes)
			}
			if !without {
				c.report(t)
			}
			t.Logf("of %d keys read %d were stale, %.0f were exempt", c.reads.Load(), c.stale.Load(), count())
		})
	}
}
