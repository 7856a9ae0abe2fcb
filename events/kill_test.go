package events_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"roost/ent"
	"roost/ent/migrations"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
	"roost/testkit/testtime"
)

// A child is a node in a process of its own: the test binary, run again with the database in this variable.
const childEnv = "ROOST_EVENTS_CHILD"

// childLease is short, so that the partitions of a dead child are free soon.
const childLease = time.Second

// child writes events, prints each that was acknowledged, and runs a worker and a sequencer, until its
// input ends.
func child() {
	if err := runChild(os.Getenv(childEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runChild(database string) error {
	cfg := sqldb.Config{File: database}
	if !filepath.IsAbs(database) {
		cfg = sqldb.Config{URL: database, MaxConns: 8}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	db, err := sqldb.Open(ctx, cfg)
	if err != nil {
		return err
	}
	client := ent.NewClient(ent.Driver(db.Driver))
	g, err := childGroup(client, db)
	if err != nil {
		return err
	}
	s := events.NewSequencer(db, g.Wake)
	if err := s.Start(ctx); err != nil {
		return err
	}
	if err := g.Start(ctx); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log := events.New(client, clock.Real{})
	for ctx.Err() == nil {
		n := rand.Int64N(1 << 61)
		err := log.Write(ctx, func(_ context.Context, tx *events.Tx) error {
			tx.Emit(events.TweetPosted{TweetID: n % 7, AuthorID: n}, events.TweetPosted{TweetID: n % 5, AuthorID: -n})
			return nil
		})
		if err == nil {
			fmt.Println(n)
			s.Wake()
		} else {
			pauseFor(ctx, 10*time.Millisecond)
		}
	}
	if err := g.Stop(context.Background()); err != nil {
		return err
	}
	return s.Stop(context.Background())
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func childGroup(client *ent.Client, db *sqldb.DB) (*events.Group, error) {
	do := effects("g", nil)
	slow := events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
		if err := do(ctx, tx, batch); err != nil || !db.IsPostgres() {
			return err
		}
		// Most of the time a partition is in the middle of a transaction.
		_, err := tx.Client().ExecContext(ctx, "SELECT pg_sleep(0.01)")
		return err
	})
	return events.NewGroup(client, db, clock.Real{}, events.GroupConfig{Name: "g", FromStart: true, Partitions: 2, Batch: 20,
		Lease: childLease, Poll: 5 * time.Millisecond, Handler: slow})
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	input io.Closer
	lines chan int64
	errs  *lockedBuffer
}

// lockedBuffer keeps what a child complains about.
type lockedBuffer struct {
	mu  sync.Mutex
	all []byte
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, p...)
	return len(p), nil
}

func startChild(t *testing.T, database string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], "-test.run=^$"), lines: make(chan int64, 1<<16), errs: &lockedBuffer{}}
	p.cmd.Env = append(os.Environ(), childEnv+"="+database)
	p.cmd.Stderr = p.errs
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = in
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			if n, err := strconv.ParseInt(s.Text(), 10, 64); err == nil {
				p.lines <- n
			}
		}
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// acks reads so many acknowledged events.
func (p *process) acks(t *testing.T, n int) (out []int64) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for range n {
		select {
		case a, ok := <-p.lines:
			if !ok {
				t.Fatalf("the child ended: %s", p.errs.all)
			}
			out = append(out, a)
		case <-deadline.C:
			t.Fatal("the child writes nothing")
		}
	}
	return out
}

// end waits for the child and returns the acknowledged events that nobody has read.
func (p *process) end(t *testing.T, killed bool) (out []int64) {
	t.Helper()
	for a := range p.lines {
		out = append(out, a)
	}
	if err := p.cmd.Wait(); err != nil && !killed {
		t.Errorf("the child: %v: %s", err, p.errs.all)
	}
	return out
}

func (r *rig) checkAcks(t *testing.T, acked []int64) {
	t.Helper()
	have := map[int64]int{}
	rows, err := r.db.Writer().Query("SELECT n FROM effects")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		have[n]++
	}
	for _, n := range acked {
		if have[n] != 1 || have[-n] != 1 {
			t.Errorf("the acknowledged event %d has %d and %d effects", n, have[n], have[-n])
		}
	}
	for n := range have {
		if have[-n] != 1 {
			t.Errorf("half of the transaction of event %d is there", n)
		}
	}
}

// soak picks the short form of a test or, with ROOST_SOAK, the long one.
func soak[T any](short, long T) T { return testtime.Soak(short, long) }

// A node is killed at any moment, again and again: what it acknowledged has its effect, once and whole.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"sqlite", "postgres"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r, database := childStore(t, mode)
			var acked []int64
			for range soak(20, 100) {
				p := startChild(t, database)
				acked = append(acked, p.acks(t, 1+rand.IntN(40))...)
				if err := p.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				acked = append(acked, p.end(t, true)...)
			}
			last := startChild(t, database)
			acked = append(acked, last.acks(t, 1)...)
			_ = last.input.Close()
			acked = append(acked, last.end(t, false)...)

			g, err := childGroup(r.client, r.db)
			if err != nil {
				t.Fatal(err)
			}
			start(t, g)
			start(t, events.NewSequencer(r.db, g.Wake))
			total := r.int(t, "SELECT COUNT(*) FROM events")
			r.untilEffects(t, "g", total)
			r.checkEffects(t, "g", total)
			r.checkAcks(t, acked)
			if n := r.int(t, "SELECT COUNT(*) FROM retry_queue"); n != 0 {
				t.Errorf("%d events are in the retry queue", n)
			}
			t.Logf("%d events acknowledged, %d committed", 2*len(acked), total)
		})
	}
}

// childStore makes a store that children share, and its name.
func childStore(t *testing.T, mode string) (*rig, string) {
	t.Helper()
	if mode == "postgres" {
		r := onPostgres(t)
		// A frozen child must lose its transaction before its lease.
		return r, r.url + "&idle_in_transaction_session_timeout=400"
	}
	file := filepath.Join(t.TempDir(), "log.db")
	r := open(t, sqldb.Config{File: file})
	if err := migrations.CreateSQLite(t.Context(), r.db.Driver); err != nil {
		t.Fatal(err)
	}
	r.exec(t, fmt.Sprintf(effectsTable, "INTEGER PRIMARY KEY AUTOINCREMENT"))
	return r, file
}

// A node is frozen at any moment, past its lease, and goes on later: others do its work meanwhile, and
// nothing is done twice.
func TestFrozenAtRandom(t *testing.T) {
	t.Parallel()
	r, database := childStore(t, "postgres")
	var acked []int64
	frozen := startChild(t, database)
	g, err := childGroup(r.client, r.db)
	if err != nil {
		t.Fatal(err)
	}
	for range soak(5, 40) {
		acked = append(acked, frozen.acks(t, 20+rand.IntN(60))...)
		if err := frozen.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		// This process comes only now, so the child had both partitions.
		if err := g.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := events.NewSequencer(r.db, g.Wake)
		stopS := start(t, s)
		for i := range int64(20) {
			r.write(t, 1<<62+i, i)
		}
		until(t, "the others to do all", func() bool {
			return r.int(t, "SELECT COUNT(*) FROM effects") == r.int(t, "SELECT COUNT(*) FROM events")
		})
		// They stop while the child is frozen, so it gets the partitions back when it goes on.
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		stopS()
		if err := frozen.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	_ = frozen.input.Close()
	acked = append(acked, frozen.end(t, false)...)
	start(t, g)
	start(t, events.NewSequencer(r.db, g.Wake))
	total := r.int(t, "SELECT COUNT(*) FROM events")
	r.untilEffects(t, "g", total)
	r.checkEffects(t, "g", total)
	r.exec(t, "DELETE FROM effects WHERE n >= $1", int64(1)<<62)
	for _, n := range acked {
		if have := r.int(t, "SELECT COUNT(*) FROM effects WHERE n IN ($1, $2)", n, -n); have != 2 {
			t.Errorf("the acknowledged event %d has %d effects", n, have)
		}
	}
	if n := r.int(t, "SELECT COUNT(*) FROM retry_queue"); n != 0 {
		t.Errorf("%d events are in the retry queue", n)
	}
	t.Logf("%d events acknowledged, %d committed", 2*len(acked), total)
}
