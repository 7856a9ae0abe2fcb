package rows

import (
	"slices"

	"roost/domain/follows"
	"roost/domain/timelines"
)

func followForm(f *follows.Follows) form[follows.Edge, follows.State] {
	return form[follows.Edge, follows.State]{
		name: "follow", ttl: rowTTL, absent: unrelatedTTL, keys: followKeys, rows: f.Edges,
		version: func(s follows.State) int64 { return s.Version },
		write:   func(w *writer, s follows.State) { w.flag(s.Active) },
		read: func(r *reader, _ follows.Edge, version int64) follows.State {
			return follows.State{Active: r.flag(), Version: version}
		},
	}
}

// followedForm stores the ids of the followed users in ascending order, each as the difference from the one before. A list of
// follows.MaxFollowing users takes up to 35 KB.
func followedForm(t *timelines.Timelines) form[int64, *timelines.Followed] {
	return form[int64, *timelines.Followed]{
		name: "followed", ttl: rowTTL, absent: absentTTL, keys: followedKeys, rows: t.Followed,
		none:    "\x00", // follows nobody
		version: func(f *timelines.Followed) int64 { return f.Version },
		write: func(w *writer, f *timelines.Followed) {
			sorted := slices.Sorted(slices.Values(f.UserIDs))
			w.count(len(sorted))
			last := int64(0)
			for _, id := range sorted {
				w.number(id - last)
				last = id
			}
		},
		read: func(r *reader, _, version int64) *timelines.Followed {
			f := &timelines.Followed{Version: version}
			n, last := r.count(), int64(0)
			f.UserIDs = make([]int64, 0, n)
			for range n {
				last += r.number()
				f.UserIDs = append(f.UserIDs, last)
			}
			return f
		},
	}
}
