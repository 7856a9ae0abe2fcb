package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/testkit/redistest"
)

// Whatever an entry holds, reads of a process show a version once it has been confirmed, also those that were under way
// in another process; only what Redis has at an older version takes a script.
func TestConfirm(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b := tier(t, r), tier(t, r), newTable()
		names := []string{"absent", "old", "current", "invalidated", "leased", "announced"}
		keys := map[string]string{}
		for _, name := range names {
			keys[name] = key(name)
			b.write(keys[name])
		}
		for _, name := range []string{"old", "current", "invalidated", "announced"} {
			get(t, y, b, keys[name])
		}
		// A reader in another process hangs between SQL and its fill.
		held, goOn := make(chan struct{}), make(chan struct{})
		var once sync.Once
		late := make(chan Value, 1)
		go func() {
			req := &Request{Kind: rowsOf(y), Keys: []string{keys["leased"]}, Load: func(ctx context.Context, all []string) ([]Value, error) {
				out, err := b.load(ctx, all)
				once.Do(func() {
					close(held)
					<-goOn
				})
				return out, err
			}}
			if err := y.Load(context.Background(), req); err != nil {
				t.Error(err)
			}
			late <- req.Values[0]
		}()
		<-held
		all := make([]Invalidation, len(names))
		for i, name := range names {
			b.write(keys[name])
			all[i] = Invalidation{Kind: rowsOf(x), Key: keys[name], Version: 2}
		}
		invalidate(t, y, Announcement{}, keys["current"], 2)
		get(t, y, b, keys["current"])
		invalidate(t, y, Announcement{}, keys["invalidated"], 2)
		if _, err := y.Announce(t.Context(), keys["announced"]); err != nil {
			t.Fatal(err)
		}
		before := counterValue(rowsOf(x).count.dropped) + counterValue(rowsOf(x).count.raised) + counterValue(rowsOf(x).count.current)
		_ = x.Confirm(t.Context(), all...)
		count := rowsOf(x).count
		if n := counterValue(count.dropped) + counterValue(count.raised) + counterValue(count.current) - before; n != 2 {
			t.Errorf("%v invalidations were sent, want those of what is old and of what is leased", n)
		}
		for _, name := range names {
			if v := get(t, x, b, keys[name])[0]; v.Version != 2 {
				t.Errorf("%s is read at version %d", name, v.Version)
			}
		}
		close(goOn)
		if v := <-late; v.Version != 2 {
			t.Errorf("the late reader got version %d", v.Version) // it reads again
		}
		for _, name := range names {
			if v := get(t, y, b, keys[name])[0]; v.Version != 2 {
				t.Errorf("later %s is read at version %d", name, v.Version)
			}
		}
		if n := x.pending.len(); n != 0 {
			t.Errorf("%d pending invalidations", n)
		}
	})
}

// refusals are ways in which a Redis answers reads and refuses writes.
var refusals = map[string]struct{ begin, end func(r *redistest.Redis) }{
	"NOREPLICAS": {(*redistest.Redis).RefuseWrites, (*redistest.Redis).TakeWrites},
	"MISCONF":    {(*redistest.Redis).FailSaves, (*redistest.Redis).MendSaves},
}

// What Redis refuses to invalidate the process that has confirmed it reads from SQL, and the process that wrote it; all
// else stays warm. A writer tries for a second, but not again and again for as long as that lasts. When Redis takes
// writes again so does the cache.
func TestRefusing(t *testing.T) {
	t.Parallel()
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			x, y, b := tierAt(t, server.URL()), tierAt(t, server.URL()), newTable()
			keys := make([]string, 20)
			for i := range keys {
				keys[i] = key(fmt.Sprint(i))
				b.write(keys[i])
			}
			get(t, x, b, keys...)
			refusal.begin(server)
			var first error
			for i := range 10 {
				b.write(keys[i])
				before := tries(t, server)
				err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: keys[i], Version: 2})
				if err == nil || errors.Is(err, ErrDown) {
					t.Fatalf("write %d: %v", i, err)
				}
				if first == nil {
					first = err
					wait(t, "a second of refusals", func() bool { return x.redis.only.refuses(invalidateTimeout, time.Now()) })
				} else if n := tries(t, server) - before; n != 1 {
					t.Errorf("the writer tried %d times although all has been refused for a second", n)
				}
				_ = y.Confirm(t.Context(), Invalidation{Kind: rowsOf(y), Key: keys[i], Version: 2})
			}
			t.Log(first)
			for range 3 {
				for _, node := range []*Tier{x, y} {
					for i, v := range get(t, node, b, keys...) {
						if want := map[bool]int64{true: 2, false: 1}[i < 10]; v.Version != want {
							t.Errorf("key %d is read at version %d", i, v.Version)
						}
					}
				}
			}
			loads := b.loads.Load()
			if get(t, y, b, keys[10:]...); b.loads.Load() != loads {
				t.Error("what is not stale is read in SQL")
			}
			refusal.end(server)
			wait(t, "Redis to be used again", func() bool {
				for _, node := range []*Tier{x, y} {
					for i, v := range get(t, node, b, keys[:10]...) {
						if v.Version != 2 {
							t.Fatalf("key %d is read at version %d", i, v.Version)
						}
					}
				}
				return x.pending.len()+y.pending.len() == 0
			})
			loads = b.loads.Load()
			if get(t, y, b, keys...); b.loads.Load() != loads {
				t.Error("the cache is not used again")
			}
			b.write(keys[0])
			invalidate(t, x, Announcement{}, keys[0], 3)
			if x.redis.refusing() {
				t.Error("the writer does not notice that Redis takes writes again")
			}
		})
	}
}

// tries is how many scripts a server has run, whatever became of them.
func tries(t *testing.T, r *redistest.Redis) (n int) {
	t.Helper()
	info, err := r.Do("INFO commandstats")
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, ok := strings.Cut(info, "cmdstat_evalsha:calls="); ok {
		_, _ = fmt.Sscanf(rest, "%d", &n)
	}
	return n
}

// gate is in the connections of a node: the answer to the next command with a word waits in it.
type gate struct {
	mu       sync.Mutex
	word     string
	answered chan struct{}
	open     chan struct{}
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	return &gated{Conn: c, g: g}, err
}

// shut has the answer to the next command with the word wait; answered is closed once Redis has sent it.
func (g *gate) shut(word string) (answered, open chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.word, g.answered, g.open = word, make(chan struct{}), make(chan struct{})
	return g.answered, g.open
}

type gated struct {
	net.Conn
	g     *gate
	holds bool
}

func (c *gated) Write(b []byte) (int, error) {
	c.g.mu.Lock()
	if c.g.word != "" && bytes.Contains(bytes.ToLower(b), []byte(c.g.word)) {
		c.g.word, c.holds = "", true
	}
	c.g.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *gated) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.holds {
		c.holds = false
		close(c.g.answered)
		<-c.g.open
	}
	return n, err
}

// A pending invalidation is sent while the answer to a read is under way. The answer is from before, so it is not served.
func TestPendingSentDuringARead(t *testing.T) {
	t.Parallel()
	server, g := redistest.Start(t), &gate{}
	r, err := openVia(Config{URL: server.URL()}, patience, g.dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	x, b, a := tier(t, r), newTable(), key("a")
	b.write(a)
	get(t, x, b, a)
	b.write(a)
	x.addPending(t.Context(), []Invalidation{{Key: a, Version: 2}}) // Redis did not take it; the write was acknowledged
	x.pending.sending.Lock()
	answered, open := g.shut("hmget")
	got := make(chan Value, 1)
	go func() { got <- get(t, x, b, a)[0] }()
	select {
	case <-answered:
	case v := <-got: // it did not ask
		t.Fatalf("version %d without a look at Redis", v.Version)
	case <-time.After(patience):
		t.Fatal("nobody reads")
	}
	paying := []Invalidation{{Key: a, Version: 2}}
	if left, err := x.invalidateOnce(t.Context(), Announcement{}, paying); len(left) > 0 {
		t.Fatal(err)
	}
	x.pending.sent(paying)
	x.pending.sending.Unlock()
	close(open)
	if v := <-got; v.Version != 2 {
		t.Errorf("version %d is read, after version 2 was acknowledged", v.Version)
	}
}
