package cluster

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// scribe is a user who writes a number into the profile, a larger one each time, beside readers on all nodes.
type scribe struct {
	user *apitest.User
	n    int // the writer's own

	mu    sync.Mutex
	acked []numberAt // on the new primary
	reads []numberAt
}

// numberAt is a number that was acknowledged at a time, or read by a read that began then.
type numberAt struct {
	n  int
	at time.Time
}

func (u *scribe) note(list *[]numberAt, n int, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	*list = append(*list, numberAt{n, at})
}

// write writes the next number. It may fail while there is no primary.
func (u *scribe) write(ctx context.Context, f *failover, node *rig.Process) {
	u.n++
	moved := f.moved.Load() != 0
	res, err := rig.UserOn(node.Roost, u.user).Do(ctx, rig.WriteProfile, apitest.Vars{"bio": strconv.Itoa(u.n)})
	if err == nil && len(res.Errors) == 0 && moved {
		u.note(&u.acked, u.n, time.Now())
	}
}

// read reads the number.
func (u *scribe) read(ctx context.Context, node *rig.Process, byName bool) error {
	began := time.Now()
	text, err := rig.BioOf(ctx, node.Anonymous(), u.user, byName)
	if err != nil {
		return nil // what is not cached while there is no primary
	}
	n, err := strconv.Atoi(text)
	if err == nil {
		u.note(&u.reads, n, began)
	}
	return err
}

// staleness is how long after its acknowledgement, at most, a write on the new primary was not yet in what a read returned.
func (u *scribe) staleness() (worst time.Duration) {
	for _, r := range u.reads {
		for _, w := range slices.Backward(u.acked) {
			if w.n > r.n && w.at.Before(r.at) {
				worst = max(worst, r.at.Sub(w.at))
			}
		}
	}
	return worst
}

// await waits for something about what was noted.
func (u *scribe) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	apitest.Until(t, what, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return condition()
	})
}
