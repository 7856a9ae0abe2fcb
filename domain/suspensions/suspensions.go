// Package suspensions says which users are suspended. Nobody sees such a user, what the user has written or passed on, or the user in a
// list, until an operator restores the account.
//
// The mark is one column of the user's row, so a suspension changes one row, however much the user has written. Statements read the mark
// with NotSuspended. What is made of cached rows asks a Set, which a process keeps up to date from the log: the rows of a suspended user
// and their copies stay as they are.
package suspensions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/sqldb"
)

// NotSuspended is a condition for statements: that the user with an id, an SQL expression, is not suspended. The expression must not be the
// name of a column of users.
func NotSuspended(id string) string {
	return "coalesce((SELECT false FROM users AS s WHERE s.id = " + id + " AND s.suspended_at IS NOT NULL), true)"
}

// FollowedWithin is how long after its commit a suspension, or its end, may be missing in the Set of a process that can read the log. A
// command that changes it waits this long before it says so.
const FollowedWithin = 2 * time.Second

// Set is which users are suspended. The zero value has none. It is safe for concurrent use. Reads take no lock and allocate nothing while
// nobody is suspended.
type Set struct {
	now atomic.Pointer[map[int64]struct{}] // nil or without entries if nobody is suspended; never changed, only replaced
	mu  sync.Mutex                         // held while versions and now change
	// versions are the versions at which the rows of users were last seen: positive if the user was suspended, else negative.
	versions map[int64]int64
}

// users returns the users who are suspended. Nobody may change the result.
func (s *Set) users() map[int64]struct{} {
	if now := s.now.Load(); now != nil {
		return *now
	}
	return nil
}

// Has reports whether a user is suspended.
func (s *Set) Has(userID int64) bool {
	_, ok := s.users()[userID]
	return ok
}

// Note notes whether a user was suspended in a version of the user's row. An older version than what is known changes nothing. It takes
// time in proportion to the number of suspended users.
func (s *Set) Note(userID, version int64, suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.versions[userID]; max(known, -known) > version {
		return
	}
	if s.versions == nil {
		s.versions = map[int64]int64{}
	}
	s.versions[userID] = version
	if !suspended {
		s.versions[userID] = -version
	}
	if s.Has(userID) == suspended {
		return
	}
	now := make(map[int64]struct{}, len(s.users())+1)
	maps.Copy(now, s.users())
	if delete(now, userID); suspended {
		now[userID] = struct{}{}
	}
	s.now.Store(&now)
}

// Without returns the users who are not suspended, in their order: the same slice if all of them are not.
func (s *Set) Without(userIDs []int64) []int64 {
	suspended := s.users()
	if len(suspended) == 0 {
		return userIDs
	}
	is := func(id int64) bool {
		_, ok := suspended[id]
		return ok
	}
	i := slices.IndexFunc(userIDs, is)
	if i < 0 {
		return userIDs
	}
	rest := append(make([]int64, 0, len(userIDs)-1), userIDs[:i]...)
	for _, id := range userIDs[i+1:] {
		if !is(id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// Load reads who is suspended, in one statement, and forgets what was known before. On an error nothing changes. What is noted while it
// reads may be forgotten, so it runs where the log is read and not beside it.
func (s *Set) Load(ctx context.Context, db *sqldb.DB) error {
	type row struct{ id, version int64 }
	rows, err := sqldb.ScanAll(ctx, db, "SELECT id, version FROM users WHERE suspended_at IS NOT NULL", nil,
		func(r *row) []any { return []any{&r.id, &r.version} })
	if err != nil {
		return fmt.Errorf("read who is suspended: %w", err)
	}
	versions, now := make(map[int64]int64, len(rows)), make(map[int64]struct{}, len(rows))
	for _, r := range rows {
		versions[r.id], now[r.id] = r.version, struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = versions
	s.now.Store(&now)
	return nil
}
