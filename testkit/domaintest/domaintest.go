// Package domaintest sets up the domain on a database of its own, for fast tests of the domain's rules.
package domaintest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/search"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// Domain is the whole domain on one database. Time does not pass unless the test moves Clock.
type Domain struct {
	Clock  *clock.Fake
	DB     *sqldb.DB
	Client *ent.Client
	Log    *events.Log

	Accounts  *accounts.Accounts
	Counts    *counts.Store
	Follows   *follows.Follows
	Tweets    *tweets.Tweets
	Reactions *reactions.Reactions
	Retweets  *retweets.Retweets
	Timelines *timelines.Timelines
	Search    *search.Search

	mu      sync.Mutex
	emitted []events.Event
}

// New returns the domain on an empty SQLite database. Passwords are cheap to hash, and sign-ins are not limited.
func New(t testing.TB) *Domain {
	t.Helper()
	return On(t, sqldb.Config{File: dbtest.File(t)})
}

// On is New on another database, which dbtest.Each names.
func On(t testing.TB, c sqldb.Config) *Domain {
	t.Helper()
	db := dbtest.Open(t, c)
	client, now := ent.NewClient(ent.Driver(db.Driver)), clock.NewFake(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC))
	log, gen := events.New(client, now), ids.NewGenerator(now, idlease.New(db))
	cfg := accounts.DefaultConfig()
	cfg.Hashing = accounts.Hashing{Memory: 64, Time: 1, Parallel: 4, Waiting: 100}
	cfg.Limits = accounts.Limits{}
	d := &Domain{Clock: now, DB: db, Client: client, Log: log,
		Accounts: accounts.New(client, log, gen, now, cfg), Counts: counts.New(client), Follows: follows.New(client, db, log, gen),
		Tweets: tweets.New(client, db, log, gen), Reactions: reactions.New(client, db, log), Retweets: retweets.New(client, db, log, gen),
		Timelines: timelines.New(db), Search: search.New(db, log, now, search.Config{})}
	log.Observe(func(committed []events.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.emitted = append(d.emitted, committed...)
	})
	return d
}

// Users creates users who cannot sign in, and returns their ids: 1, 2 and so on.
func (d *Domain) Users(t testing.TB, n int) []int64 {
	t.Helper()
	out, rows := make([]int64, n), make([]*ent.UserCreate, n)
	for i := range n {
		out[i] = int64(i + 1)
		name := fmt.Sprintf("user%d", i+1)
		rows[i] = d.Client.User.Create().SetID(out[i]).SetUsername(name).SetName(name).SetEmail(name + "@example.com").SetCreatedAt(d.Clock.Now())
	}
	if err := d.Client.User.CreateBulk(rows...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out
}

// Post posts a tweet and returns its id.
func (d *Domain) Post(t testing.TB, author int64, text string) int64 {
	t.Helper()
	made, err := d.Tweets.Post(t.Context(), author, text)
	if err != nil {
		t.Fatal(err)
	}
	return int64(made.ID)
}

// Do runs calls that must not fail.
func (d *Domain) Do(t testing.TB, calls ...func(ctx context.Context) error) {
	t.Helper()
	for i, call := range calls {
		if err := call(t.Context()); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}

// Emitted returns the events that were committed since it was called last, in their order.
func (d *Domain) Emitted() []events.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.emitted
	d.emitted = nil
	return out
}

// Refused fails the test unless an error refuses a field with a kind. The field is a path with dots, or empty.
func Refused(t testing.TB, err error, kind errs.Kind, field string) {
	t.Helper()
	list, ok := err.(errs.List)
	if !ok {
		e, ok := err.(*errs.Error)
		if !ok {
			t.Errorf("got %v, want %s of %q", err, kind, field)
			return
		}
		list = errs.List{e}
	}
	if len(list) != 1 || list[0].Kind != kind || strings.Join(list[0].Path, ".") != field {
		t.Errorf("got %v of %v, want %s of %q", err, list[0].Path, kind, field)
	}
}
