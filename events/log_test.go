package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/sqldb"
)

// checkGapless wants seqs 1 to n, and events of one aggregate in the order in which they were written.
func (r *rig) checkGapless(t testing.TB, n int64) {
	t.Helper()
	log, err := r.reader.After(t.Context(), 0, 1<<60, int(n)+10)
	if err != nil {
		t.Fatal(err)
	}
	all := log.Entries
	if int64(len(all)) != n {
		t.Fatalf("%d events in the log, want %d", len(all), n)
	}
	last := map[int64]int64{}
	for i, e := range all {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		ev, err := e.Event()
		if err != nil {
			t.Fatal(err)
		}
		at := ev.(events.TweetPosted).AuthorID
		if at <= last[e.Aggregate] {
			t.Fatalf("aggregate %d: event %d comes after %d", e.Aggregate, at, last[e.Aggregate])
		}
		last[e.Aggregate] = at
	}
	if head, err := r.reader.Head(t.Context()); err != nil || head != n {
		t.Fatalf("head %d (%v), want %d", head, err, n)
	}
}

func TestPlacesHaveNoGapsAndKeepOrder(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		// Two at once, as on two nodes.
		var grew atomic.Int64
		var sequencers []*events.Sequencer
		for range 2 {
			s := events.NewSequencer(r.db, func() { grew.Add(1) })
			start(t, s)
			sequencers = append(sequencers, s)
		}
		const writers, each = 8, 40
		var all sync.WaitGroup
		for w := range int64(writers) {
			all.Go(func() {
				for i := range int64(each) {
					// Rolled back: its id is lost on PostgreSQL, a seq must not be.
					_ = r.log.Write(context.Background(), func(_ context.Context, tx *events.Tx) error {
						if err := events.Append(t.Context(), tx.Client(), tx.Now, events.TweetPosted{TweetID: 99}); err != nil {
							return err
						}
						return errors.New("no")
					})
					r.write(t, i+1, w+1)
					sequencers[w%2].Wake()
				}
			})
		}
		all.Wait()
		until(t, "all seqs", func() bool {
			head, err := r.reader.Head(t.Context())
			return err == nil && head == writers*each
		})
		r.checkGapless(t, writers*each)
		until(t, "the sequencer to report it", func() bool { return grew.Load() > 0 })
		if age := sequencers[0].Age(); age <= 0 || age > patience {
			t.Errorf("the sequencer looked %s ago", age)
		}
	})
}

// A late event has an id far below those that have a seq. On SQLite there is one writer, so nothing
// commits late.
func TestLateCommitIsHandled(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	start(t, events.NewSequencer(r.db, func() {}))
	start(t, r.group(t, events.GroupConfig{}, nil))

	late, err := r.client.Tx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Append(t.Context(), late.Client(), r.clock.Now(), events.TweetPosted{TweetID: 7, AuthorID: 1}); err != nil {
		t.Fatal(err)
	}
	// The sequencer looks below the newest ids every second only, from the second time on.
	held := time.After(soak(2500*time.Millisecond, 5*time.Second))
	for i := range int64(100) {
		r.write(t, i+1, 8)
	}
	r.untilEffects(t, "g", 100)
	<-held
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	r.untilEffects(t, "g", 101)
	r.checkEffects(t, "g", 101)
	if seq := r.int(t, "SELECT seq FROM effects WHERE aggregate = 7"); seq != 101 {
		t.Errorf("the late event has seq %d, want 101", seq)
	}
}

// While a transaction that has nothing to do with events is open, each event is handled as soon as ever.
func TestUnrelatedTransactionDelaysNothing(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		s := events.NewSequencer(r.db, func() {})
		start(t, s)
		start(t, r.group(t, events.GroupConfig{}, nil))
		end := r.openUnrelated(t)
		began, slowest := time.Now(), time.Duration(0)
		n := int64(0)
		for n < 50 || time.Since(began) < soak(0, time.Minute) {
			n++
			at := time.Now()
			r.write(t, n, 8)
			s.Wake()
			until(t, fmt.Sprintf("event %d", n), func() bool { return r.int(t, "SELECT COUNT(*) FROM effects WHERE n = $1", n) == 1 })
			slowest = max(slowest, time.Since(at))
		}
		if err := end(); err != nil {
			t.Errorf("the transaction was not open to the end: %v", err)
		}
		r.checkEffects(t, "g", n)
		t.Logf("%d events beside a transaction that was open for %s, the slowest handled after %s",
			n, time.Since(began).Round(time.Millisecond), slowest)
	})
}

// openUnrelated opens a transaction that writes something else, and returns what ends it. SQLite has no second
// writer: there it is a reader in the middle of its rows.
func (r *rig) openUnrelated(t *testing.T) (end func() error) {
	t.Helper()
	if !r.db.IsPostgres() {
		rows, err := r.db.QueryContext(t.Context(), "SELECT name FROM sqlite_master")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rows.Close() })
		if !rows.Next() {
			t.Fatal("no rows")
		}
		return rows.Close
	}
	other := open(t, sqldb.Config{URL: r.url + "&idle_in_transaction_session_timeout=0", MaxConns: 1})
	tx, err := other.db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO effects (grp, seq, aggregate, n) VALUES ('other', 0, 0, 0)"); err != nil {
		t.Fatal(err)
	}
	return tx.Commit
}

// A sequencer holds the head's lock for one call only. The worst that can happen is that its connection
// stays in a transaction of its own; then the database ends it.
func TestFrozenSequencerHoldsNothing(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	r.writeManyUnsequenced(t, 20)
	frozen := open(t, sqldb.Config{URL: r.url + "&idle_in_transaction_session_timeout=200", MaxConns: 1})
	tx, err := frozen.db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	if err := tx.QueryRowContext(t.Context(), "SELECT assigned FROM roost_sequence(5, 0)").Scan(&n); err != nil || n != 5 {
		t.Fatal(n, err)
	}
	start(t, events.NewSequencer(r.db, func() {}))
	until(t, "the other sequencer", func() bool {
		head, err := r.reader.Head(t.Context())
		return err == nil && head == 20
	})
	if err := tx.Commit(); err == nil {
		t.Error("the frozen transaction committed")
	}
	r.checkGapless(t, 20)
}

func (r *rig) writeManyUnsequenced(t testing.TB, n int64) {
	t.Helper()
	for i := range n {
		r.write(t, i+1, 5)
	}
}

func TestUnknownEventsAreErrors(t *testing.T) {
	t.Parallel()
	for _, e := range []events.Entry{
		{Seq: 4, Type: "Teleported", Version: 1, Payload: "{}"},
		{Seq: 4, Type: "TweetPosted", Version: 2, Payload: "{}"},
		{Seq: 4, Type: "TweetPosted", Version: 1, Payload: "{"},
		{Seq: 4, Type: "TweetPosted", Version: 1, Aggregate: 7, Payload: "null"},
		{Seq: 4, Type: "TweetPosted", Version: 1, Aggregate: 7, Payload: `{"TweetID": 8}`},
	} {
		if _, err := e.Event(); !errors.Is(err, events.ErrUnreadable) || !strings.Contains(err.Error(), "event 4") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestEveryEventDecodes(t *testing.T) {
	t.Parallel()
	each := []events.Event{
		events.UserSignedUp{UserID: 1}, events.ProfileUpdated{UserID: 1, Version: 2}, events.SettingsUpdated{UserID: 1, OldUsername: "a"},
		events.PasswordChanged{UserID: 1}, events.SessionStarted{UserID: 1}, events.SessionUsed{UserID: 1},
		events.SessionEnded{UserID: 1, At: time.Unix(1, 0).UTC()}, events.UserFollowed{FollowerID: 1}, events.UserUnfollowed{FollowerID: 1},
		events.TweetPosted{TweetID: 1}, events.TweetDeleted{TweetID: 1}, events.ReactionSet{TweetID: 1, Kind: 2}, events.RowsImported{File: "f"},
	}
	r := onSQLite(t)
	if err := events.Append(t.Context(), r.client, r.clock.Now(), each...); err != nil {
		t.Fatal(err)
	}
	log, err := r.reader.After(t.Context(), 0, 1000, 1000)
	all := log.Entries
	if err != nil || len(all) != len(each) {
		t.Fatal(len(all), err)
	}
	for i, e := range all {
		got, err := e.Event()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(each[i]) {
			t.Errorf("%v came back as %v (%v)", each[i], got, err)
		}
	}
	some, err := r.reader.After(t.Context(), 0, 1000, 1000, "TweetPosted", "RowsImported")
	if err != nil || len(some.Entries) != 2 || some.Entries[0].Seq != 10 || some.Entries[1].Seq != 13 {
		t.Errorf("by type: %v (%v)", some, err)
	}
}
