package rows

import (
	"time"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/internal/ids"
)

// The times to live of entries. Invalidation is immediate; these bound staleness if everything else fails.
const (
	// rowTTL is how long rows are cached, and the absence of a follow, of a reaction, of counts or of a list. Most pairs of users, or of
	// user and tweet, have none, and every write that makes one invalidates its absence.
	rowTTL = 10 * time.Minute
	// absentTTL is how long the absence of a user, a name, a session or a tweet is cached. Anybody can ask for things that never were, so
	// these entries leave soon.
	absentTTL = 30 * time.Second
)

func accountForm(a *accounts.Accounts) form[int64, *accounts.Account] {
	return form[int64, *accounts.Account]{
		name: "user", ttl: rowTTL, absent: absentTTL, keys: accountKeys, rows: a.ByID,
		version: func(a *accounts.Account) int64 { return a.Version },
		write: func(w *writer, a *accounts.Account) {
			w.text(a.User.Username)
			w.text(a.User.Name)
			w.text(a.User.Bio)
			w.maybe(a.User.WebsiteURL)
			w.time(a.User.CreatedAt)
			w.text(a.Private.Email)
			w.text(string(a.Private.SessionPolicy))
		},
		read: func(r *reader, id, version int64) *accounts.Account {
			a := &accounts.Account{Version: version}
			a.User = accounts.User{ID: ids.UserID(id), Username: r.text(), Name: r.text(), Bio: r.text(), WebsiteURL: r.maybe(), CreatedAt: r.time()}
			a.Private = accounts.Private{Email: r.text(), SessionPolicy: accounts.SessionPolicy(r.text())}
			return a
		},
	}
}

func nameForm(a *accounts.Accounts) form[string, accounts.NameClaim] {
	return form[string, accounts.NameClaim]{
		name: "username", ttl: rowTTL, absent: absentTTL, keys: nameKeys, rows: a.Names,
		version: func(c accounts.NameClaim) int64 { return c.Version },
		write:   func(w *writer, c accounts.NameClaim) { w.number(c.UserID) },
		read: func(r *reader, _ string, version int64) accounts.NameClaim {
			return accounts.NameClaim{UserID: r.number(), Version: version}
		},
	}
}

func userCountsForm(c *counts.Store) form[int64, counts.UserCounts] {
	return form[int64, counts.UserCounts]{
		name: "user_stats", ttl: rowTTL, absent: rowTTL, keys: userCountsKeys, rows: c.ByUser,
		version: func(c counts.UserCounts) int64 { return c.Version },
		write: func(w *writer, c counts.UserCounts) {
			w.number(int64(c.Tweets))
			w.number(int64(c.Followers))
			w.number(int64(c.Following))
		},
		read: func(r *reader, _, version int64) counts.UserCounts {
			return counts.UserCounts{Tweets: int32(r.number()), Followers: int32(r.number()), Following: int32(r.number()), Version: version}
		},
	}
}
