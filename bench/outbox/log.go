package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
)

// Partitions is the number of partitions of the consumer group.
const Partitions = 4

// aggregates is the number of aggregates over which the events are spread.
const aggregates = 1000

// effects is the table of effects, with the number of each event; a number cannot be there twice.
const effects = `CREATE TABLE effects (event bigint NOT NULL PRIMARY KEY)`

const writeEffects = `INSERT INTO effects (event) SELECT unnest($1::bigint[])`

// event is number n; the payload carries it.
func event(n int64) events.TweetPosted {
	return events.TweetPosted{TweetID: n%aggregates + 1, AuthorID: n}
}

// eventLog is the product's way: package events.
type eventLog struct {
	db        *sqldb.DB
	log       *events.Log
	group     *events.Group
	sequencer *events.Sequencer
	ledger    *ledger
}

// NewLog makes a log in a database at Roost's schema.
func NewLog(ctx context.Context, url string) (*Run, error) {
	db, err := sqldb.Open(ctx, sqldb.Config{URL: url})
	if err != nil {
		return nil, err
	}
	l := &eventLog{db: db, ledger: &ledger{}}
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Run{way: l, ledger: l.ledger}, nil
}

func (l *eventLog) build(ctx context.Context) (err error) {
	if _, err := l.db.ExecContext(ctx, effects); err != nil {
		return err
	}
	client := ent.NewClient(ent.Driver(l.db.Driver))
	l.log = events.New(client, clock.Real{})
	// A node that stops releases its partitions, so one group can be started again and again.
	l.group, err = events.NewGroup(client, l.db, clock.Real{}, events.GroupConfig{Name: "bench", Partitions: Partitions, FromStart: true,
		Handler: events.HandlerFunc(l.handle)})
	if err != nil {
		return err
	}
	l.sequencer = events.NewSequencer(l.db, l.group.Wake)
	l.log.Observe(func(all []events.Event) {
		l.ledger.committed(all[0].(events.TweetPosted).AuthorID)
		l.sequencer.Wake()
	})
	return nil
}

// handle writes a row for each event.
func (l *eventLog) handle(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
	numbers := make([]int64, len(batch))
	for i, entry := range batch {
		e, err := entry.Event()
		if err != nil {
			return err
		}
		posted, ok := e.(events.TweetPosted)
		if !ok {
			return fmt.Errorf("event %d is a %s", entry.Seq, entry.Type)
		}
		numbers[i] = posted.AuthorID
	}
	tx.OnCommit(func(next ent.Committer) ent.Committer {
		return ent.CommitFunc(func(ctx context.Context, tx *ent.Tx) error {
			err := next.Commit(ctx, tx)
			if err == nil {
				l.ledger.effect(numbers)
			}
			return err
		})
	})
	_, err := tx.Client().ExecContext(ctx, writeEffects, pq.Array(numbers))
	return err
}

func (l *eventLog) start(ctx context.Context) error {
	if err := l.group.Start(ctx); err != nil {
		return err
	}
	return l.sequencer.Start(ctx)
}

func (l *eventLog) stop(ctx context.Context) error {
	return errors.Join(l.sequencer.Stop(ctx), l.group.Stop(ctx))
}

func (l *eventLog) write(ctx context.Context, first int64, n int) error {
	return l.log.Write(ctx, func(_ context.Context, tx *events.Tx) error {
		for i := range n {
			tx.Emit(event(first + int64(i)))
		}
		return nil
	})
}

func (l *eventLog) writers(context.Context, int) error { return nil }

// check fails unless every event is in the log, without gaps, and the retry queue is empty.
func (l *eventLog) check(ctx context.Context, n int64) error {
	var rows, numbered, last, queued int64
	if err := l.db.Writer().QueryRowContext(ctx,
		`SELECT count(*), count(seq), coalesce(max(seq), 0), (SELECT count(*) FROM retry_queue) FROM events`).
		Scan(&rows, &numbered, &last, &queued); err != nil {
		return err
	}
	if h := l.group.Health(); rows != n || numbered != n || last != n || queued != 0 || h.Failed != 0 {
		return fmt.Errorf("the log holds %d of %d events, %d of them have seqs up to %d, %d are in the retry queue, %d attempts failed",
			rows, n, numbered, last, queued, h.Failed)
	}
	return nil
}

func (l *eventLog) pool() *sql.DB { return l.db.Writer() }
