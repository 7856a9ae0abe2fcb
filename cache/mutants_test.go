package cache

import (
	"math/rand/v2"
	"strings"
	"testing"

	"roost/testkit/redistest"
)

// TestMutants breaks the scripts, one line at a time: the schedules, or the comparison with the model, must
// notice. Some lines only cost time or SQL when they are broken; those the schedules need not see.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		name, file, old, new string
		unsafe               bool // schedules see it
	}{
		{"fill without a lease", "fill", "token ~= ARGV[2]", "false", true},
		{"fill of an old version", "fill", "tonumber(ARGV[3]) < minimum", "false", false},
		{"fill keeps the lease", "fill", "'m', 'l', 'lx'", "'m', 'lx'", false},
		{"fill keeps the minimum version", "fill", "'m', 'l', 'lx'", "'l', 'lx'", false},
		{"entries of others are taken up", "entry", "f[1], f[1] == fence", "f[1], f[1] ~= false", false},
		{"the fence is the process", "entry", "'master_replid:(%x+)')",
			"'') .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')", false},
		{"nothing is dropped", "entry", "redis.call('DEL', key)", "redis.call('HDEL', key, 'h')", true},
		{"invalidation is one too lenient", "invalidate", "minimum >= asked and", "minimum >= asked - 1 and", true},
		{"invalidation of what is current", "invalidate", "minimum >= asked and", "false and", false},
		{"invalidation keeps the lease", "entry", "local fields = { 'e', fence,", "local fields = { 'e', fence, 'l', token or '',", false},
		{"an update creates data where there is none", "invalidate", "if version and ARGV[5] then\n  local refused = redis.pcall('HSET', key,",
			"if ARGV[5] then\n  local refused = redis.pcall('HSET', key, 'e', fence,", true},
		{"an update replaces a higher version", "invalidate", "minimum >= asked and",
			"minimum >= asked and not (version and ARGV[5]) and", true},
		{"an update keeps the version", "invalidate", "'v', ARGV[2], 'd'", "'d'", false},
		{"an update keeps the data", "invalidate", "'v', ARGV[2], 'd', ARGV[5]", "'v', ARGV[2]", false},
		{"an update replaces nothing", "invalidate", "if version and ARGV[5]", "if false", false},
		{"invalidation forgets intents", "invalidate", "intents[ARGV[3]] = nil", "intents = {}", false},
		{"a busy lease is granted", "lease", "ends > now", "false", false},
		{"a lease in spite of an intent", "lease", "if announced then", "if false then", false},
		{"leases without a token", "lease", "'l', ARGV[2]", "'l', '1'", false},
		{"release of any lease", "release", "token == ARGV[2]", "true", false},
	} {
		s, err := loadScripts(func(name, text string) string {
			if name != m.file {
				return text
			}
			if !strings.Contains(text, m.old) {
				t.Errorf("%s: %s.lua has no %q", m.name, m.file, m.old)
			}
			return strings.Replace(text, m.old, m.new, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if err := conform(t, s, 500); err == nil {
				t.Error("it does as the model")
			}
			if !m.unsafe {
				return
			}
			g := newStage(t, s)
			random := rand.New(rand.NewPCG(1, 2))
			for g.n < 1500 {
				if err := g.run(random.IntN); err != nil {
					t.Logf("schedule %d: %s", g.n, strings.Split(err.Error(), "\n")[0])
					return
				}
			}
			t.Errorf("%d schedules do not see it", g.n)
		})
	}
}

// A primary that is replaced, follows, and is promoted again comes back with entries of its first epoch
// that missed an invalidation. They must count as absent, on connections that lived through it, too.
func TestFailoverAndBack(t *testing.T) {
	t.Parallel()
	instead := func(old, new string) func(name, text string) string {
		return func(_, text string) string { return strings.Replace(text, old, new, 1) }
	}
	for name, edit := range map[string]func(name, text string) string{
		"as it is":                   nil,
		"with the id of the process": instead("'master_replid:(%x+)')", "'') .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')"),
		"without a fence":            instead("f[1], f[1] == fence", "f[1], f[1] ~= false"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := loadScripts(edit)
			if err != nil {
				t.Fatal(err)
			}
			first, second := redistest.Start(t, redistest.Fast()...), redistest.Start(t, redistest.Fast()...)
			x, y := newTier(openFor(t, first.URL(), patience), s), newTier(openFor(t, second.URL(), patience), s)
			b, a := newTable(), key("a")
			b.write(a)
			get(t, x, b, a)
			second.Follow(first)
			second.Promote() // the replication is cut
			b.write(a)
			invalidate(t, x, Announcement{}, a, 2) // what it does is lost with the epoch of the first
			get(t, y, b, key("other"))
			first.Follow(second)
			first.Promote()
			v := get(t, x, b, a)[0]
			if stale := v.Version != 2; stale != (edit != nil) {
				t.Errorf("the first server, in its second epoch, returns version %d", v.Version)
			}
		})
	}
}
