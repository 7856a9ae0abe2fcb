package rows

import (
	"context"

	"roost/domain/accounts"
	"roost/internal/ids"
)

// SessionsOf returns the rows of sessions; unknown ones are left out. owner is the user to whom they are said to belong, or 0. If a
// session has no copy in the process, this is probably the first visit of the owner. Then the lists of the owner are looked up in the
// same round trip, and the next read of the request finds copies of them.
func (s *Store) SessionsOf(ctx context.Context, owner int64, sessionIDs []int64) (map[int64]*accounts.StoredSession, error) {
	q := s.Sessions.Ask(sessionIDs)
	if owner != 0 {
		q.Request().Along = func() []string {
			keys := []string{s.Followed.keys.of(owner), s.Reacted.keys.of(owner), s.Retweeted.keys.of(owner)}
			if s.prepared != nil { // whose pages are merged with the viewer's own list
				keys = append(keys, s.AuthorLists.keys.of(owner))
			}
			return keys
		}
	}
	return q.all(ctx)
}

// sessionForm stores the id of the user and nothing of the user that can change, so a session is checked by this row alone. What ends
// sessions, such as a new password or another sign-in under the policy SINGLE_DEVICE, changes the rows of the sessions.
func sessionForm(a *accounts.Accounts) form[int64, *accounts.StoredSession] {
	return form[int64, *accounts.StoredSession]{
		name: "session", ttl: rowTTL, absent: absentTTL, keys: sessionKeys, rows: a.StoredSessions,
		version: func(s *accounts.StoredSession) int64 { return s.Version },
		write: func(w *writer, s *accounts.StoredSession) {
			w.number(s.Session.ID.User)
			w.text(string(s.KeyHash))
			w.time(s.Session.CreatedAt)
			w.time(s.Session.ExpiresAt)
			w.time(s.Session.LastUsedAt)
			w.maybe(s.Session.DeviceName)
			w.maybe(s.Session.UserAgent)
			w.flag(s.Session.EndedAt != nil)
			if s.Session.EndedAt != nil {
				w.time(*s.Session.EndedAt)
			}
			w.maybe((*string)(s.Session.EndReason))
		},
		read: func(r *reader, id, version int64) *accounts.StoredSession {
			s := &accounts.StoredSession{Version: version}
			s.Session.ID = ids.SessionID{User: r.number(), ID: id}
			s.KeyHash = []byte(r.text())
			s.Session.CreatedAt, s.Session.ExpiresAt, s.Session.LastUsedAt = r.time(), r.time(), r.time()
			s.Session.DeviceName, s.Session.UserAgent = r.maybe(), r.maybe()
			if r.flag() {
				at := r.time()
				s.Session.EndedAt = &at
			}
			s.Session.EndReason = (*accounts.EndReason)(r.maybe())
			return s
		},
	}
}
