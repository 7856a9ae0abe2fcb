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
	"sync"

	"roost/internal/sqldb"
)

// NotSuspended is a condition for statements: that the user with an id, an SQL expression, is not suspended. The expression must not be the
// name of a column of users.
func NotSuspended(id string) string {
	return "coalesce((SELECT false FROM users AS s WHERE s.id = " + id + " AND s.suspended_at IS NOT NULL), true)"
}

// Set is which users are suspended. The zero value has none. It is safe for concurrent use.
type Set struct {
	mu sync.RWMutex
	// versions are the versions at which the rows of users were last seen: positive if the user was suspended, else negative.
	versions map[int64]int64
}

// Has reports whether a user is suspended.
func (s *Set) Has(userID int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.versions[userID] > 0
}

// Note notes whether a user was suspended in a version of the user's row. An older version than what is known changes nothing.
func (s *Set) Note(userID, version int64, suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(userID, version, suspended)
}

func (s *Set) note(userID, version int64, suspended bool) {
	if known := s.versions[userID]; max(known, -known) > version {
		return
	}
	if s.versions == nil {
		s.versions = map[int64]int64{}
	}
	if !suspended {
		version = -version
	}
	s.versions[userID] = version
}

// Without returns the users who are not suspended, in their order: the same slice if nobody is.
func (s *Set) Without(userIDs []int64) []int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.versions) == 0 {
		return userIDs
	}
	for i, id := range userIDs {
		if s.versions[id] <= 0 {
			continue
		}
		rest := append(make([]int64, 0, len(userIDs)-1), userIDs[:i]...)
		for _, id := range userIDs[i+1:] {
			if s.versions[id] <= 0 {
				rest = append(rest, id)
			}
		}
		return rest
	}
	return userIDs
}

// Load reads who is suspended, in one statement, and forgets what was known before. On an error nothing changes.
func (s *Set) Load(ctx context.Context, db *sqldb.DB) error {
	type row struct{ id, version int64 }
	rows, err := sqldb.ScanAll(ctx, db, "SELECT id, version FROM users WHERE suspended_at IS NOT NULL", nil,
		func(r *row) []any { return []any{&r.id, &r.version} })
	if err != nil {
		return fmt.Errorf("read who is suspended: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = nil
	for _, r := range rows {
		s.note(r.id, r.version, true)
	}
	return nil
}
