// Package follows holds the rules of following: who follows whom, since when, and the lists of followers and followed users.
//
// A follow is a row that is never deleted, only marked as not active; its version only grows. The transaction that changes a
// follow also changes the counts of both users, and emits one event.
package follows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"roost/domain/counts"
	"roost/ent"
	"roost/ent/user"
	"roost/ent/userstats"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// MaxFollowing is the most users whom one may follow. It bounds the work of a home timeline.
const MaxFollowing = 5000

// Follows reads and writes follows. It is safe for concurrent use.
type Follows struct {
	client *ent.Client
	db     *sqldb.DB
	log    *events.Log
	ids    *ids.Generator
}

// New returns the follows in a database. client, db and log must belong to the same database.
func New(client *ent.Client, db *sqldb.DB, log *events.Log, gen *ids.Generator) *Follows {
	return &Follows{client: client, db: db, log: log, ids: gen}
}

// NoSuchUser returns the refusal of a field "followee" that names no user.
func NoSuchUser() *errs.Error { return errs.New(errs.NotFound, "there is no such user", "followee") }

// Follow makes one user follow another; following twice changes nothing. The field "followee" is refused with SELF, NOT_FOUND,
// or LIMIT_REACHED beyond MaxFollowing.
func (f *Follows) Follow(ctx context.Context, followerID, followeeID int64) error {
	if !(Edge{followerID, followeeID}).Possible() {
		return errs.New(errs.Self, "one cannot follow oneself", "followee")
	}
	sortKey, err := f.ids.Next(ctx)
	if err != nil {
		return err
	}
	return f.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		known, err := tx.User.Query().Where(user.ID(followeeID), user.SuspendedAtIsNil()).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look up the user: %w", err)
		}
		if !known {
			return NoSuchUser()
		}
		version, err := upsert(ctx, tx, `INSERT INTO follows (follower_id, followee_id, active, sort_key, followed_at, version)
			VALUES ($1, $2, true, $3, $4, 1)
			ON CONFLICT (follower_id, followee_id) DO UPDATE SET active = true, sort_key = excluded.sort_key,
			followed_at = excluded.followed_at, version = follows.version + 1 WHERE NOT follows.active RETURNING version`,
			followerID, followeeID, sortKey, ids.Time(sortKey))
		if err != nil {
			return err
		}
		if version == 0 {
			tx.AlreadyDone(events.UserFollowed{FollowerID: followerID, FolloweeID: followeeID})
			return nil
		}
		versions, err := count(ctx, tx, followerID, followeeID, 1)
		if err != nil {
			return err
		}
		// The row of counts is locked now, so a concurrent follow cannot exceed the limit.
		over, err := tx.UserStats.Query().Where(userstats.ID(followerID), userstats.FollowingCountGT(MaxFollowing)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("count the followed: %w", err)
		}
		if over {
			return errs.New(errs.LimitReached, "one can follow at most 5,000 people", "followee").Within(MaxFollowing)
		}
		tx.Emit(events.UserFollowed{FollowerID: followerID, FolloweeID: followeeID, Version: version,
			FollowerVersion: versions[followerID].Version, FolloweeVersion: versions[followeeID].Version,
			FollowingVersion: versions[followerID].Following})
		return nil
	})
}

// Unfollow ends a follow; without one it changes nothing. The field "followee" is refused with SELF or NOT_FOUND.
func (f *Follows) Unfollow(ctx context.Context, followerID, followeeID int64) error {
	if !(Edge{followerID, followeeID}).Possible() {
		return errs.New(errs.Self, "one cannot unfollow oneself", "followee")
	}
	return f.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		version, err := upsert(ctx, tx, `UPDATE follows SET active = false, version = version + 1
			WHERE follower_id = $1 AND followee_id = $2 AND active RETURNING version`, followerID, followeeID)
		if err != nil {
			return err
		}
		if version == 0 {
			known, err := tx.User.Query().Where(user.ID(followeeID)).Exist(ctx)
			if err != nil {
				return fmt.Errorf("look up the user: %w", err)
			}
			if !known {
				return NoSuchUser()
			}
			tx.AlreadyDone(events.UserUnfollowed{FollowerID: followerID, FolloweeID: followeeID})
			return nil
		}
		versions, err := count(ctx, tx, followerID, followeeID, -1)
		if err != nil {
			return err
		}
		tx.Emit(events.UserUnfollowed{FollowerID: followerID, FolloweeID: followeeID, Version: version,
			FollowerVersion: versions[followerID].Version, FolloweeVersion: versions[followeeID].Version,
			FollowingVersion: versions[followerID].Following})
		return nil
	})
}

// upsert runs a statement that writes a follow and returns its new version; 0 means that nothing changed.
func upsert(ctx context.Context, tx *events.Tx, query string, args ...any) (version int64, err error) {
	err = sqldb.ScanOne(ctx, tx.Client(), query, args, &version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("write the follow: %w", err)
	}
	return version, nil
}

// count adds a follow to the counts of both users, or removes it.
func count(ctx context.Context, tx *events.Tx, followerID, followeeID, by int64) (versions map[int64]counts.Versions, err error) {
	return counts.Add(ctx, tx, counts.Delta{UserID: followerID, Following: by}, counts.Delta{UserID: followeeID, Followers: by})
}

// Edge identifies the follow of one user by another, whether there is one or not.
type Edge struct{ FollowerID, FolloweeID int64 }

// Possible reports whether there may be such a follow: nobody follows themselves.
func (e Edge) Possible() bool { return e.FollowerID != e.FolloweeID }

// State is a follow as it is stored. Version is the version of the row.
type State struct {
	Active  bool
	Version int64
}

var edges = sqldb.PairTable{Table: "follows", First: "follower_id", Second: "followee_id", Value: "CASE WHEN active THEN 1 ELSE 0 END"}

// Edges reads follows in one statement. Edges without a row are left out.
func (f *Follows) Edges(ctx context.Context, asked []Edge) (map[Edge]State, error) {
	return sqldb.ReadPairs(ctx, f.db.Driver, edges, asked,
		func(e Edge) sqldb.Pair { return sqldb.Pair{First: e.FollowerID, Second: e.FolloweeID} },
		func(r sqldb.PairRow) State { return State{Active: r.Value == 1, Version: r.Version} })
}

// Lists of the two ends of a follow, ordered by when it began.
var (
	followers = sqldb.Lists{Table: "follows", Owner: "followee_id", SortKey: "sort_key", Item: "follower_id", Where: "active"}
	following = sqldb.Lists{Table: "follows", Owner: "follower_id", SortKey: "sort_key", Item: "followee_id", Where: "active"}
)

// Entry is a follow in a list: its sort key and the user at the other end.
type Entry = sqldb.Row

// Since returns when the follow of an entry began, to the millisecond. key is the entry's sort key, a time-ordered id.
func Since(key int64) time.Time { return ids.Time(key) }
