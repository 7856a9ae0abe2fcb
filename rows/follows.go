package rows

import (
	"roost/domain/follows"
	"roost/domain/timelines"
)

func followForm(f *follows.Follows) form[follows.Edge, follows.State] {
	return form[follows.Edge, follows.State]{
		name: "follow", ttl: rowTTL, absent: rowTTL, keys: followKeys, rows: f.Edges,
		version: func(s follows.State) int64 { return s.Version },
		write:   func(w *writer, s follows.State) { w.flag(s.Active) },
		read: func(r *reader, _ follows.Edge, version int64) follows.State {
			return follows.State{Active: r.flag(), Version: version}
		},
	}
}

// followedForm stores a list of follows.MaxFollowing users in up to 35 KB.
func followedForm(t *timelines.Timelines) form[int64, *timelines.Followed] {
	return form[int64, *timelines.Followed]{
		name: "followed", ttl: rowTTL, absent: rowTTL, keys: followedKeys, rows: t.Followed,
		none:    "\x00", // follows nobody
		version: func(f *timelines.Followed) int64 { return f.Version },
		write: func(w *writer, f *timelines.Followed) {
			w.ascending(f.UserIDs)
		},
		read: func(r *reader, _, version int64) *timelines.Followed {
			return &timelines.Followed{UserIDs: r.ascending(), Version: version}
		},
		// The list, and the authors of the home timeline that are made of it.
		weight: func(f *timelines.Followed) int { return 16*len(f.UserIDs) + typicalWeight },
	}
}
