package accounts

import (
	"fmt"
	"testing"
	"time"

	"roost/app"
	"roost/internal/clock"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

const day = 24 * time.Hour

// timed is a node with a clock that the test sets.
type timed struct {
	*apitest.Roost
	clock *clock.Fake
	db    *sqldb.DB
	// witness has a session that is written whenever it is used after five minutes.
	witness *apitest.User
}

func eachTimed(t *testing.T, fn func(t *testing.T, r *timed)) {
	t.Helper()
	t.Parallel()
	for _, m := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			c := clock.NewFake(time.Now())
			r := apitest.New(t, m, apitest.Metered, func(cfg *app.Config) { cfg.Clock = c })
			fn(t, &timed{Roost: r, clock: c, db: r.DB(t), witness: r.SignUp(t, "witness")})
		})
	}
}

// writes is how often the last use of a session was written.
func (r *timed) writes(t *testing.T, u *apitest.User) int64 {
	t.Helper()
	id, ok := ids.Session(u.SessionID)
	if !ok {
		t.Fatalf("session id %q", u.SessionID)
	}
	// One statement, so one snapshot.
	n := apitest.Int(t, r.db, `SELECT 1000 * (SELECT version - 1 FROM sessions WHERE id = $1) +
		(SELECT count(*) FROM events WHERE type = 'SessionUsed' AND payload LIKE $2)`, id.ID, fmt.Sprintf(`%%"SessionID":%d,%%`, id.ID))
	if n/1000 != n%1000 {
		t.Fatalf("the session was written %d times and %d events tell of it", n/1000, n%1000)
	}
	return n / 1000
}

// settle waits until everything that was used so far has been written: the witness is used last. The
// clock must have moved by five minutes since the last time.
func (r *timed) settle(t *testing.T) {
	t.Helper()
	before := r.writes(t, r.witness)
	r.witness.Must(t, whoAmI, nil)
	apitest.Until(t, "the last use is written", func() bool { return r.writes(t, r.witness) > before })
}

// known waits until the node has what was written of a user's last use, and has nothing more to write: before the
// clock moves, which would make that of a later time.
func (r *timed) known(t *testing.T, u *apitest.User) {
	t.Helper()
	now := r.clock.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	apitest.Until(t, "the node to know the last use", func() bool {
		return u.Must(t, `{ viewer { currentSession { lastUsedAt } } }`, nil).String("viewer.currentSession.lastUsedAt") == now
	})
	apitest.Until(t, "the node to have written the last uses", func() bool { return rig.Metrics(t, r.Roost)["roost_sessions_to_touch"] == 0 })
}

// The last use is written every five minutes at most, and never by the request itself.
func TestLastUseIsWrittenSeldom(t *testing.T) {
	eachTimed(t, func(t *testing.T, r *timed) {
		u := r.SignUp(t, "ada")
		use := func() {
			t.Helper()
			apitest.Parallel(t, 10, func(int) error {
				res := u.Must(t, `{ viewer { currentSession { lastUsedAt } } }`, nil)
				// One for the session, if the cache has it not; its check and the field share it.
				if told, _ := res.Cost(); told > 1 {
					t.Errorf("the request took %d statements", told)
				}
				return nil
			})
		}
		use()
		r.clock.Add(5*time.Minute - time.Microsecond)
		use()
		r.clock.Add(time.Microsecond)
		r.settle(t)
		if n := r.writes(t, u); n != 0 {
			t.Errorf("within five minutes the last use was written %d times", n)
		}
		use()
		apitest.Until(t, "the last use is written", func() bool { return r.writes(t, u) > 0 })
		r.known(t, u)
		use()
		r.clock.Add(4 * time.Minute)
		use()
		r.clock.Add(time.Minute)
		r.settle(t)
		if n := r.writes(t, u); n != 1 {
			t.Errorf("after five minutes the last use was written %d times, want once", n)
		}
		at := u.Must(t, `{ viewer { currentSession { lastUsedAt } } }`, nil).String("viewer.currentSession.lastUsedAt")
		if want := r.clock.Now().Add(-5 * time.Minute).Format("2006-01-02T15:04:05.000Z"); at != want {
			t.Errorf("the last use was at %s, want %s", at, want)
		}
	})
}

// A session that is not used for 30 days ends, one that is used lives on, but not beyond a year.
func TestSessionsExpire(t *testing.T) {
	eachTimed(t, func(t *testing.T, r *timed) {
		idle, used := r.SignUp(t, "idle"), r.SignUp(t, "used")
		start := r.clock.Now()
		begun := start
		expires := func() time.Time {
			at, err := time.Parse(time.RFC3339Nano, used.Must(t, `{ viewer { currentSession { expiresAt } } }`, nil).
				String("viewer.currentSession.expiresAt"))
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if got := expires(); !got.Equal(begun.Add(30 * day).Truncate(time.Millisecond)) {
			t.Errorf("it expires at %s", got)
		}
		for n := int64(1); n <= 12; n++ { // 348 days
			r.clock.Add(29 * day)
			if !works(t, used) {
				t.Fatalf("on day %d the session has ended", n*29)
			}
			apitest.Until(t, "the last use is written", func() bool { return r.writes(t, used) == n })
			if n == 1 && !works(t, r.LogIn(t, idle)) {
				t.Error("a new session does not work")
			}
			want := r.clock.Now().Add(30 * day)
			if year := begun.Add(365 * day); want.After(year) {
				want = year
			}
			// The write in the background invalidates once it is committed.
			apitest.Until(t, fmt.Sprintf("it to expire, on day %d, at %s", n*29, want), func() bool {
				return expires().Equal(want.Truncate(time.Millisecond))
			})
			if n == 2 && works(t, idle) {
				t.Error("a session that was not used for 58 days works")
			}
		}
		r.clock.Add(17*day - time.Microsecond)
		if !works(t, used) {
			t.Error("the session ended before its year")
		}
		r.clock.Add(time.Microsecond)
		if works(t, used) {
			t.Error("the session lives after its year")
		}
		again := r.LogIn(t, used)
		if all := listed(t, again); all[used.SessionID] != "EXPIRED" || all[again.SessionID] != "live" {
			t.Errorf("the sessions are %v", all)
		}
	})
}

// A session that expires closes its sockets, after telling them; an open socket counts as use.
func TestExpiryClosesSockets(t *testing.T) {
	eachTimed(t, func(t *testing.T, r *timed) {
		u := r.SignUp(t, "ada")
		s := u.Dial(t)
		end := s.Subscribe(t, `subscription { sessionEnded { reason session { id endReason endedAt expiresAt } } }`, nil)
		s.Subscribe(t, whoAmI, nil).Next(t)
		for n := range int64(2) {
			r.clock.Add(29 * day)
			apitest.Until(t, "the use of the socket is written", func() bool { return r.writes(t, u) == n+1 })
			r.known(t, u)
		}
		if s.Err() != nil {
			t.Fatalf("the socket was closed: %v", s.Err())
		}
		r.clock.Add(30 * day)
		event := end.Next(t)
		if event.String("sessionEnded.reason") != "EXPIRED" || event.String("sessionEnded.session.endReason") != "EXPIRED" ||
			event.String("sessionEnded.session.endedAt") != event.String("sessionEnded.session.expiresAt") {
			t.Errorf("%s", event.Body)
		}
		if code := s.Closed(t); code != 4403 {
			t.Errorf("the socket was closed with %d", code)
		}
		if works(t, u) {
			t.Error("the expired session works")
		}
	})
}
