package rows

import (
	"math/rand/v2"
	"testing"

	"roost/events"
)

// An event that cannot be read clears the cache once, also when the group handles it again by itself. In another epoch of the
// log the same seq belongs to another event.
func TestRelayClearsInEachEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		w := &world{rig: r, dice: rand.New(rand.NewPCG(3, 4))}
		w.signUp(t)
		user, relay := w.users[0], r.here.Relay().Handler
		for _, c := range []struct {
			epoch, seq int64
			clears     bool
		}{{5, 10, true}, {5, 10, false}, {5, 11, true}, {4, 7, true}, {4, 7, false}} {
			was := bio(t, r.here, user)
			text := was + "+"
			r.exec(t, "UPDATE users SET bio = $1, version = version + 1 WHERE id = $2", text, user)
			e := events.Entry{Epoch: c.epoch, Seq: c.seq, Type: "MoonRisen", Version: 1, Payload: "{}"}
			if err := relay.Handle(t.Context(), nil, []events.Entry{e}); err == nil {
				t.Error("the event is no dead letter")
			}
			want := was
			if c.clears {
				want = text
			}
			if got := bio(t, r.here, user); got != want {
				t.Errorf("after event %d of epoch %d the bio is %q, want %q", c.seq, c.epoch, got, want)
			}
			if err := r.here.tier.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
