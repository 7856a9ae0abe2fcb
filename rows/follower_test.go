package rows

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/events"
	"roost/internal/clock"
	"roost/testkit/testtime"
)

// service is what runs in a test.
type service interface {
	Start(context.Context) error
	Stop(context.Context) error
}

func run(t *testing.T, s service) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// follows has a store follow the log, and use the cache.
func (r *rig) follows(t *testing.T, s *Store) *events.Follower {
	t.Helper()
	f := s.Follow(events.NewReader(r.db), func(events.Batch) {})
	run(t, f)
	run(t, s.Recovery(events.NewReader(r.db)))
	until(t, "the node to use the cache", func() bool { return s.tier.Suspension() == 0 })
	return f
}

// relays runs the relay of a store.
func (r *rig) relays(t *testing.T, s *Store) {
	t.Helper()
	cfg := s.Relay()
	cfg.Poll = 4 * time.Millisecond
	g, err := events.NewGroup(r.client, r.db, clock.Real{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, g)
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	testtime.Until(t, what, condition)
}

// With writers that die after each commit, and invalidate nothing, both nodes read what SQL says once they have
// followed the log that far.
func TestEveryEventIsFollowed(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		r.log.SetInvalidator(silent{})
		nodes := []*events.Follower{r.follows(t, r.here), r.follows(t, r.there)}
		w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4)), names: []string{"nobody"}}
		for range 4 {
			w.signUp(t)
		}
		for step := range 120 {
			for _, f := range nodes {
				if err := f.CatchUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.agree(t, step)
			if w.write(t); t.Failed() {
				return
			}
		}
	})
}

// silent keeps no copies: a writer that dies before it invalidates.
type silent struct{}

func (silent) Begin(context.Context, []events.Event) func(bool) { return func(bool) {} }
func (silent) Invalidate(context.Context, []events.Event) error { return nil }
func (silent) CatchUp(context.Context) error                    { return nil }

// bio reads a user's text on a node.
func bio(t *testing.T, s *Store, user int64) string {
	t.Helper()
	got, err := s.Accounts.Load(t.Context(), []int64{user})
	if err != nil {
		t.Fatal(err)
	}
	return got[user].User.Bio
}

// strange changes a user and writes an event of that which nobody can read.
func (r *rig) strange(t *testing.T, user int64, text string, e events.Entry) {
	t.Helper()
	r.exec(t, "UPDATE users SET bio = $1, version = version + 1 WHERE id = $2", text, user)
	r.exec(t, "INSERT INTO events (type, version, aggregate, payload, created_at) VALUES ($1, $2, $3, $4, $5)",
		e.Type, e.Version, user, strings.ReplaceAll(e.Payload, "USER", fmt.Sprint(user)), time.Now().UTC())
}

var strangers = map[string]events.Entry{
	"unknown type":  {Type: "MoonRisen", Version: 1, Payload: "{}"},
	"newer version": {Type: events.ProfileUpdated{}.Type(), Version: 99, Payload: "{}"},
	"damaged":       {Type: events.ProfileUpdated{}.Type(), Version: 1, Payload: `{"UserID":`},
	"emptied":       {Type: events.ProfileUpdated{}.Type(), Version: 1, Payload: "null"},
	// These can be decoded, but no row has such a version.
	"version below 0":   {Type: events.ProfileUpdated{}.Type(), Version: 1, Payload: `{"UserID":USER,"Ver":-1}`},
	"version too large": {Type: events.ProfileUpdated{}.Type(), Version: 1, Payload: `{"UserID":USER,"Ver":9007199254740993}`},
}

// An event that cannot be read changes rows that nobody can name. From when a node's position covers it the node's reads
// show the rows all the same; the relay clears the cache once, leaves a dead letter for each, and goes on; then the
// nodes use the cache again.
func TestUnreadableEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4))}
		w.signUp(t)
		w.signUp(t)
		user, other := w.users[0], w.users[1]
		f := r.follows(t, r.there)
		if r.db.IsPostgres() {
			r.relays(t, r.here)
		}
		n := 0
		for name, e := range strangers {
			n++
			for range 2 {
				bio(t, r.there, user)
				bio(t, r.here, user)
			}
			r.strange(t, user, name, e)
			if err := f.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := bio(t, r.there, user); got != name {
				t.Errorf("%s: the node that follows the log shows %q", name, got)
			}
			until(t, name+": the node to use the cache again", func() bool { return r.there.tier.Suspension() == 0 })
			if got := bio(t, r.here, user); got != name {
				t.Errorf("%s: after the cache was cleared the other node shows %q", name, got)
			}
			if !r.db.IsPostgres() {
				continue
			}
			dead, err := events.NewAdmin(r.client, r.db, r.clock).DeadLetters(t.Context(), RelayGroup, 10)
			if err != nil || len(dead) != n {
				t.Errorf("%s: %d dead letters of %d: %v", name, len(dead), n, err)
			}
		}
		// The relay has gone on: what a writer that dies has changed is repeated to all.
		r.log.SetInvalidator(silent{})
		bio(t, r.here, other)
		text := "the log goes on"
		if err := r.Accounts.UpdateProfile(t.Context(), other, accounts.ProfileChange{Bio: &text}); err != nil {
			t.Fatal(err)
		}
		if err := f.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := bio(t, r.here, other); got != text {
			t.Errorf("the other node shows %q", got)
		}
	})
}

// An import names no rows. From when a node's position covers it the node's reads show them all the same, and again from
// the cache when that has been cleared.
func TestImportsAreFollowed(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4))}
		w.signUp(t)
		user := w.users[0]
		f := r.follows(t, r.there)
		if r.db.IsPostgres() {
			r.relays(t, r.here)
		}
		bio(t, r.there, user)
		r.exec(t, "UPDATE users SET bio = 'imported', version = version + 1 WHERE id = $1", user)
		if err := events.Append(t.Context(), r.client, r.clock.Now(), events.RowsImported{Source: "a", File: "users.tsv", Rows: 1}); err != nil {
			t.Fatal(err)
		}
		if err := f.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := bio(t, r.there, user); got != "imported" {
			t.Errorf("the node that follows the log shows %q", got)
		}
		until(t, "the node to use the cache again", func() bool { return r.there.tier.Suspension() == 0 })
		for _, s := range []*Store{r.there, r.here} {
			if got := bio(t, s, user); got != "imported" {
				t.Errorf("after the cache was cleared a node shows %q", got)
			}
		}
	})
}

// A node that starts cannot see what Redis has not taken before: it follows the log from where the relay is, and reads
// from the database until it is at the end, whatever becomes of the relay.
func TestStartBehindTheRelay(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4))}
	w.signUp(t)
	w.signUp(t)
	user, other := w.users[0], w.users[1]
	if _, err := events.Sequence(t.Context(), r.db, 100); err != nil {
		t.Fatal(err)
	}
	r.exec(t, `INSERT INTO group_partitions (id, group_name, partition, position, leased_until, moved_at)
		SELECT 'cache/0', 'cache', 0, seq, now(), now() FROM log_heads`)
	bio(t, r.here, user)
	bio(t, r.here, other)
	r.log.SetInvalidator(silent{})
	text := "new"
	for _, u := range w.users {
		if err := r.Accounts.UpdateProfile(t.Context(), u, accounts.ProfileChange{Bio: &text}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := events.Sequence(t.Context(), r.db, 100); err != nil {
		t.Fatal(err)
	}
	if got := bio(t, r.here, user); got != "" {
		t.Fatalf("the copy says %q, so this shows nothing", got)
	}
	f := r.there.Follow(events.NewReader(r.db), func(events.Batch) {})
	run(t, f)
	// Reading it publishes its version, so this is of another user.
	if got := bio(t, r.there, other); got != "new" {
		t.Errorf("a node that has just started shows %q", got)
	}
	run(t, r.there.Recovery(events.NewReader(r.db)))
	until(t, "the node to use the cache", func() bool { return r.there.tier.Suspension() == 0 })
	if got := bio(t, r.there, user); got != "new" || f.Position() != f.End() {
		t.Errorf("after the start the node shows %q, at %d of %d", got, f.Position(), f.End())
	}
}

// A row that is found as wished is not acknowledged before every node shows it, although whoever changed it died.
func TestFoundIsShown(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4)), names: []string{"user1", "name1", "name2"}}
		w.signUp(t)
		w.signUp(t)
		user, other, in := w.users[0], w.users[1], w.sessions[0]
		r.follows(t, r.here)
		phone := "phone"
		var last *accounts.SignedIn
		for i, x := range []struct {
			name string
			do   func(ctx context.Context) error // by the user, whose tweet and sessions are new each time
		}{
			{"follow", func(ctx context.Context) error { return r.Follows.Follow(ctx, user, other) }},
			{"unfollow", func(ctx context.Context) error { return r.Follows.Unfollow(ctx, user, other) }},
			{"react", func(ctx context.Context) error {
				_, err := r.Reactions.Set(ctx, user, w.tweets[0], 1)
				return err
			}},
			{"delete", func(ctx context.Context) error { return r.Tweets.Delete(ctx, user, w.tweets[0]) }},
			{"rename", func(ctx context.Context) error {
				name := "name1"
				return r.Accounts.UpdateSettings(ctx, user, accounts.SettingsChange{Username: &name})
			}},
			{"rename in another case", func(ctx context.Context) error {
				name := "NAME1"
				return r.Accounts.UpdateSettings(ctx, user, accounts.SettingsChange{Username: &name})
			}},
			{"revoke", func(ctx context.Context) error {
				_, err := r.Accounts.Revoke(ctx, user, last.Session.ID.ID)
				return err
			}},
			{"revoke others", func(ctx context.Context) error {
				_, err := r.Accounts.RevokeOthers(ctx, user, in.Session.ID.ID)
				return err
			}},
			{"change the password", func(ctx context.Context) error {
				return r.Accounts.ChangePassword(ctx, user, in.Session.ID.ID, netip.Prefix{}, "correct horse", "correct horse")
			}},
			{"log in on the same device", func(ctx context.Context) error {
				again, err := r.Accounts.LogIn(ctx, w.nameOf(t, user), "correct horse", accounts.Device{Token: &phone})
				if err == nil {
					w.sessions = append(w.sessions, again)
				}
				return err
			}},
		} {
			r.log.SetInvalidator(r.here)
			tweet, err := r.Tweets.Post(t.Context(), user, "hello")
			if err != nil {
				t.Fatal(err)
			}
			w.tweets = []int64{int64(tweet.ID)}
			for range 3 {
				if err := w.logIn(t.Context(), user); err != nil {
					t.Fatal(err)
				}
			}
			last = w.sessions[len(w.sessions)-1]
			w.agree(t, i)
			r.log.SetInvalidator(silent{}) // this writer dies
			if err := x.do(t.Context()); err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
			r.log.SetInvalidator(r.here)
			if err := x.do(t.Context()); err != nil {
				t.Fatalf("%s, once more: %v", x.name, err)
			}
			w.last = x.name
			w.agree(t, i)
		}
	})
}

// nameOf is a user's name now.
func (w *world) nameOf(t *testing.T, user int64) string {
	t.Helper()
	all, err := w.Accounts.ByID(t.Context(), []int64{user})
	if err != nil {
		t.Fatal(err)
	}
	return all[user].User.Username
}

// What following the log costs when every writer has invalidated: a plain look at each key, and no script. Only what a
// writer has left undone takes one.
func TestFollowingTakesNoScripts(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4))}
	w.signUp(t)
	w.signUp(t)
	f := r.follows(t, r.there)
	change := func(i int) {
		t.Helper()
		do := []func(context.Context, int64, int64) error{r.Follows.Follow, r.Follows.Unfollow}[i%2]
		if err := do(t.Context(), w.users[0], w.users[1]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		change(i)
	}
	edge := []follows.Edge{{FollowerID: w.users[0], FolloweeID: w.users[1]}}
	if _, err := r.there.Follows.Load(t.Context(), edge); err != nil {
		t.Fatal(err)
	}
	before := r.calls(t, "evalsha")
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.calls(t, "evalsha") - before; n != 0 {
		t.Errorf("following 100 writes that were invalidated took %d scripts", n)
	}
	r.log.SetInvalidator(silent{})
	change(0)
	before = r.calls(t, "evalsha")
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.calls(t, "evalsha") - before; n != 1 { // of five keys one is cached
		t.Errorf("following a write that was not invalidated took %d scripts", n)
	}
}

// calls is how often Redis ran a command.
func (r *rig) calls(t *testing.T, command string) int {
	t.Helper()
	info, err := r.redis.Do("INFO commandstats")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if _, rest, ok := strings.Cut(info, "cmdstat_"+command+":calls="); ok {
		_, _ = fmt.Sscanf(rest, "%d", &n)
	}
	return n
}
