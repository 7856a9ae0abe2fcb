// Package suspensions says which users are suspended. Nobody sees such a user, what the user has written or passed on, or the user in a
// list, until an operator restores the account.
//
// The mark is one column of the user's row, so a suspension changes one row, however much the user has written. Statements read the mark
// with NotSuspended. What is made of cached rows, and pages of lists, ask a Set, which a process keeps up to date from the log: the rows of
// a suspended user and their copies stay as they are.
package suspensions

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/sqldb"
)

// NotSuspended is a condition for statements: that the user with an id, an SQL expression, is not suspended. The expression must not be the
// name of a column of users. It is one look-up in the index users_suspended, which has suspended users only.
func NotSuspended(id string) string {
	return "coalesce((SELECT false FROM users AS s WHERE s.id = " + id + " AND s.suspended_at IS NOT NULL), true)"
}

// FollowedWithin is how long after its commit a suspension, or its end, may be missing in the Set of a process that can read the log. A
// command that changes it waits this long before it says so.
const FollowedWithin = 2 * time.Second

// Set is which users are suspended. The zero value has none. It is safe for concurrent use. A look-up takes no lock, allocates nothing, and
// takes time in proportion to the logarithm of the number of suspended users, each of whom takes 16 bytes.
type Set struct {
	now atomic.Pointer[Users] // nil if nobody has been suspended; never changed, only replaced
	mu  sync.Mutex            // held while versions and now change
	// sorted are the versions of the rows of the users in now.sorted, by index, and noted those of users that were noted since then.
	sorted []int64
	noted  map[int64]int64
}

// Users are the users who are suspended at some time. It never changes. A nil one has none.
type Users struct {
	number  int64          // of all Users of the process, this one alone has it
	sorted  []int64        // as of an earlier time, in ascending order
	changed map[int64]bool // whether users are suspended, of whom this has changed since then, at most maxChanged of them
}

// numbers is the highest number of Users.
var numbers atomic.Int64

// maxChanged is how many changes are kept apart from the sorted users. With more, all are sorted anew, so that a change costs no more than
// copying maxChanged others and a 256th of the users.
const maxChanged = 256

// Number returns a number from which the same users are known again; 0 if nobody is suspended.
func (u *Users) Number() int64 {
	if u.empty() {
		return 0
	}
	return u.number
}

// has reports whether a user is suspended.
func (u *Users) has(userID int64) bool {
	if u == nil {
		return false
	}
	if len(u.changed) > 0 {
		if is, changed := u.changed[userID]; changed {
			return is
		}
	}
	_, found := slices.BinarySearch(u.sorted, userID)
	return found
}

func (u *Users) empty() bool { return u == nil || len(u.sorted) == 0 && len(u.changed) == 0 }

// Now returns who is suspended now.
func (s *Set) Now() *Users { return s.now.Load() }

// Empty reports whether nobody is suspended. It may be false for a while after the last suspended user was restored.
func (s *Set) Empty() bool { return s.Now().empty() }

// Has reports whether a user is suspended.
func (s *Set) Has(userID int64) bool { return s.Now().has(userID) }

// Note notes whether a user was suspended in a version of the user's row. An older version than what is known changes nothing.
func (s *Set) Note(userID, version int64, suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if now == nil {
		now = &Users{}
	}
	known, ok := s.noted[userID]
	if at, found := slices.BinarySearch(now.sorted, userID); !ok && found {
		known = s.sorted[at]
	}
	if known > version {
		return
	}
	if s.noted == nil {
		s.noted = map[int64]int64{}
	}
	s.noted[userID] = version
	if now.has(userID) == suspended {
		return
	}
	next := &Users{sorted: now.sorted, changed: make(map[int64]bool, len(now.changed)+1)}
	maps.Copy(next.changed, now.changed)
	next.changed[userID] = suspended
	if len(next.changed) > maxChanged {
		next = s.sort(next)
	}
	next.number = numbers.Add(1)
	s.now.Store(next)
}

// sort returns the same users without changes, and adds their versions to those that are sorted. It forgets the versions of users who are
// not suspended: events of the log come in order, and so an older one of these is followed by a newer one.
func (s *Set) sort(u *Users) *Users {
	versions := make(map[int64]int64, len(u.sorted)+len(u.changed))
	for i, id := range u.sorted {
		versions[id] = s.sorted[i]
	}
	maps.Copy(versions, s.noted)
	maps.DeleteFunc(versions, func(id, _ int64) bool { return !u.has(id) })
	sorted := slices.Sorted(maps.Keys(versions))
	s.sorted, s.noted = make([]int64, len(sorted)), nil
	for i, id := range sorted {
		s.sorted[i] = versions[id]
	}
	return &Users{sorted: sorted}
}

// Without returns those of some users who are not suspended, in their order: the same slice if all of them are not.
func (u *Users) Without(userIDs []int64) []int64 {
	if u.empty() {
		return userIDs
	}
	i := slices.IndexFunc(userIDs, u.has)
	if i < 0 {
		return userIDs
	}
	rest := append(make([]int64, 0, len(userIDs)-1), userIDs[:i]...)
	for _, id := range userIDs[i+1:] {
		if !u.has(id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// loadedAtOnce is how many suspended users one statement reads.
const loadedAtOnce = 10_000

// Load reads who is suspended, loadedAtOnce of them in one statement, and forgets what was known before. On an error nothing changes. What
// is noted while it reads may be forgotten, so it runs where the log is read and not beside it.
func (s *Set) Load(ctx context.Context, db *sqldb.DB) error {
	type row struct{ id, version int64 }
	var users, versions []int64
	for after, whole := int64(math.MinInt64), false; !whole; {
		rows, err := sqldb.ScanAll(ctx, db,
			"SELECT id, version FROM users WHERE suspended_at IS NOT NULL AND id > $1 ORDER BY id LIMIT $2", []any{after, loadedAtOnce},
			func(r *row) []any { return []any{&r.id, &r.version} })
		if err != nil {
			return fmt.Errorf("read who is suspended: %w", err)
		}
		for _, r := range rows {
			users, versions, after = append(users, r.id), append(versions, r.version), r.id
		}
		whole = len(rows) < loadedAtOnce
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sorted, s.noted = versions, nil
	s.now.Store(&Users{number: numbers.Add(1), sorted: users})
	return nil
}
