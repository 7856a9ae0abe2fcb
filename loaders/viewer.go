package loaders

import (
	"context"
	"sync"

	"roost/cache"
)

// viewerRow keeps a row of the viewer, once an operation has read it, for all later questions of the operation. It is safe for
// concurrent use.
type viewerRow[V any] struct {
	mu     sync.Mutex
	viewer int64 // 0 as long as nothing was read; signing in changes the viewer
	row    V
}

func (k *viewerRow[V]) keep(viewer int64, row V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.viewer, k.row = viewer, row
}

// of returns the row of a viewer; ok is false if it was not read.
func (k *viewerRow[V]) of(viewer int64) (row V, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if viewer == 0 || k.viewer != viewer {
		return row, false
	}
	return k.row, true
}

// askFollowing asks whether the viewer follows users. The list of a home timeline that the operation has read answers without a read.
func askFollowing(s *Set, userIDs []int64) (*cache.Request, answer[bool]) {
	viewer := s.who.UserID()
	list, ok := s.followed.of(viewer)
	if ok || viewer == 0 {
		return s.sources.Rows.Followed.Ask(nil).Request(), func(_ context.Context, i int) (bool, error) {
			return list.Contains(userIDs[i]), nil
		}
	}
	q := s.sources.Rows.AskFollowing(viewer, userIDs)
	return q.Request(), func(ctx context.Context, i int) (bool, error) {
		if list, ok, err := q.List(ctx); err == nil && ok {
			s.followed.keep(viewer, list)
		}
		return q.At(ctx, userIDs[i])
	}
}
