package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// keepHistory has the database note every text of a profile with its version: the order in which the writes
// took effect, whoever got an answer.
func keepHistory(t *testing.T, db *sqldb.DB) {
	t.Helper()
	if _, err := db.Writer().ExecContext(t.Context(), `CREATE TABLE history (version bigint, bio text);
		CREATE FUNCTION keep() RETURNS trigger AS $$ BEGIN INSERT INTO history VALUES (NEW.version, NEW.bio); RETURN NEW; END $$ LANGUAGE plpgsql;
		CREATE TRIGGER keep AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION keep()`); err != nil {
		t.Fatal(err)
	}
}

// chronicle is what clients saw of one profile, whose writes have texts that occur once.
type chronicle struct {
	user *apitest.User

	mu    sync.Mutex
	reads []readOf
	acked []ackOf
	// cut are writes without an answer, and failed what should not have happened.
	cut    int
	failed []error
	// excused are spans in which reads may be old: the bounds that the cache names.
	excused []span
	// mayGoBack says that a read may show less than an earlier one showed, as long as that was not acknowledged.
	mayGoBack bool
	serial    atomic.Int64
	made      atomic.Int64 // reads
}

type span struct{ from, to time.Time }

type readOf struct {
	begin, end time.Time
	text       string
	node       int
}

type ackOf struct {
	at   time.Time
	text string
}

// holds reports whether so many writes were acknowledged, and so many reads made.
func (h *chronicle) holds(writes, reads int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.acked) >= writes && len(h.reads) >= reads
}

func (h *chronicle) text() string { return fmt.Sprintf("version %d", h.serial.Add(1)) }

func (h *chronicle) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = append(h.failed, err)
}

// read reads the profile once.
func (h *chronicle) read(ctx context.Context, node int, c *apitest.Client, byName bool) {
	begin := time.Now()
	text, err := rig.BioOf(ctx, c, h.user, byName)
	end := time.Now()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.fail(fmt.Errorf("a read of node %d after %s: %w", node, end.Sub(begin).Round(time.Millisecond), err))
	default:
		h.mu.Lock()
		h.reads = append(h.reads, readOf{begin, end, text, node})
		h.mu.Unlock()
		h.made.Add(1)
	}
}

// write writes a new text; mayDie says that a node without an answer is all right.
func (h *chronicle) write(ctx context.Context, u *apitest.User, mayDie bool) {
	text := h.text()
	res, err := u.Do(ctx, rig.WriteProfile, apitest.Vars{"bio": text})
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil && (mayDie || ctx.Err() != nil):
		h.cut++
	case err != nil:
		h.failed = append(h.failed, fmt.Errorf("a write: %w", err))
	case len(res.Errors) > 0 || res.String("updateProfile.user.id") == "":
		h.failed = append(h.failed, fmt.Errorf("a write: %s", res.Body))
	default:
		h.acked = append(h.acked, ackOf{now, text})
	}
}

// audience is how many clients do what how often; 0 is one after the other.
type audience struct {
	readers, writers      int
	readEvery, writeEvery time.Duration
	// writeAfter is how many reads there are between two writes of a writer: as many on a slow machine as on a fast one.
	writeAfter int64
}

// profileTraffic starts readers and writers of a profile on all nodes; ended waits for them.
func profileTraffic(t *testing.T, c *rig.Cluster, h *chronicle, who audience,
	write func(ctx context.Context, h *chronicle, n int)) (ended func()) {
	t.Helper()
	web := webClient(t)
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	every := func(pause time.Duration, do func()) {
		tick := time.NewTicker(max(pause, time.Nanosecond))
		defer tick.Stop()
		for ctx.Err() == nil {
			do()
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
	for i := range who.readers {
		all.Go(func() {
			n := i
			every(who.readEvery, func() {
				n++
				node := n % len(c.Nodes)
				h.read(ctx, node, rig.AnonymousAt(c.Nodes[node], web), n/2%2 == 0)
			})
		})
	}
	if write == nil {
		write = func(ctx context.Context, h *chronicle, n int) { h.write(ctx, c.Writer(h.user, n, web), false) }
	}
	for i := range who.writers {
		all.Go(func() {
			n := i
			next, pause := int64(0), who.writeEvery
			if who.writeAfter > 0 {
				pause = time.Millisecond
			}
			every(pause, func() {
				if h.made.Load() < next {
					return
				}
				n++
				next = h.made.Load() + who.writeAfter
				// A write that has begun is waited for: what an abandoned one did is unknown.
				write(context.WithoutCancel(ctx), h, n)
			})
		})
	}
	ended = sync.OnceFunc(func() {
		stop()
		all.Wait()
	})
	t.Cleanup(ended)
	return ended
}

// check sweeps over the history: no read shows what is older than a write acknowledged before it began, or older
// than what a read showed that ended before it began, on whatever node.
func (h *chronicle) check(t *testing.T, db *sqldb.DB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, err := range h.failed {
		if i == 5 {
			t.Errorf("and %d more", len(h.failed)-i)
			break
		}
		t.Error(err)
	}
	order := versions(t, db)
	type known struct {
		at      time.Time
		version int64
		why     string
	}
	var all []known
	for _, a := range h.acked {
		version, ok := order[a.text]
		if !ok {
			t.Fatalf("the acknowledged write %q never took effect", a.text)
		}
		all = append(all, known{a.at, version, "an acknowledged write"})
	}
	for _, r := range h.reads {
		version, ok := order[r.text]
		if !ok {
			t.Fatalf("a read shows %q, which was never written", r.text)
		}
		if !h.mayGoBack {
			all = append(all, known{r.end, version, fmt.Sprintf("a read of node %d", r.node)})
		}
	}
	slices.SortFunc(all, func(a, b known) int { return a.at.Compare(b.at) })
	slices.SortFunc(h.reads, func(a, b readOf) int { return a.begin.Compare(b.begin) })
	bad, excused, next, least, latest := 0, 0, 0, known{}, time.Time{}
	for _, r := range h.reads {
		for ; next < len(all) && all[next].at.Before(r.begin); next++ {
			if all[next].version > least.version {
				least = all[next]
			}
		}
		got := order[r.text]
		if got >= least.version {
			continue
		}
		if slices.ContainsFunc(h.excused, func(s span) bool { return !r.begin.Before(s.from) && r.begin.Before(s.to) }) {
			excused++
			latest = r.begin
		} else {
			if bad++; bad <= 5 {
				t.Errorf("node %d shows version %d for %s from %s after %s of version %d had ended, its own answer after %s", r.node, got,
					r.text, r.begin.Sub(least.at), least.why, least.version, r.end.Sub(r.begin))
			}
		}
	}
	if excused > 0 {
		t.Logf("%d reads are old where they may be, the last %s after Redis was back", excused,
			latest.Sub(h.excused[0].from).Round(time.Millisecond))
	}
	if bad > 0 {
		t.Errorf("%d of %d reads are too old", bad, len(h.reads))
	}
}

// versions are those of all texts that the profile has had.
func versions(t *testing.T, db *sqldb.DB) map[string]int64 {
	t.Helper()
	rows, err := db.Writer().QueryContext(context.Background(), "SELECT bio, min(version) FROM history GROUP BY bio")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]int64{"": 0}
	for rows.Next() {
		var text string
		var version int64
		if err := rows.Scan(&text, &version); err != nil {
			t.Fatal(err)
		}
		out[text] = version
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// rests waits until all nodes show what SQL has, and says after how long.
func (h *chronicle) rests(t *testing.T, c *rig.Cluster, within time.Duration) {
	t.Helper()
	began := time.Now()
	var want string
	if err := c.Database.Writer().QueryRowContext(t.Context(), "SELECT bio FROM users WHERE username = $1", h.user.Name).
		Scan(&want); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, p := range c.Nodes {
		apitest.Until(t, "a node at rest to show what SQL has", func() bool {
			got, err := rig.BioOf(t.Context(), rig.AnonymousAt(p, http.DefaultClient), h.user, true)
			last = cmp.Or(err, errors.New(got))
			return err == nil && got == want
		})
	}
	if took := time.Since(began); took > within {
		t.Errorf("at rest the nodes show what SQL has after %s (%v before)", took, last)
	}
}

// percentiles of how long reads took that began in a span.
func (h *chronicle) percentiles(from, to time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	took := h.took(from, to)
	if len(took) == 0 {
		return "no reads"
	}
	return fmt.Sprintf("%d reads, p50 %s, p99 %s", len(took), took[len(took)/2].Round(10*time.Microsecond),
		took[len(took)*99/100].Round(10*time.Microsecond))
}

// took is sorted; h.mu is held.
func (h *chronicle) took(from, to time.Time) (took []time.Duration) {
	for _, r := range h.reads {
		if r.begin.After(from) && r.begin.Before(to) {
			took = append(took, r.end.Sub(r.begin))
		}
	}
	slices.Sort(took)
	return took
}
