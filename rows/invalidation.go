package rows

import (
	"cmp"
	"fmt"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/events"
)

// All invalidation is here: one function an event says which rows it left at which version.

func (s *Store) of(e events.Event) []cache.Invalidation {
	switch e := e.(type) {
	case events.UserSignedUp:
		return s.userSignedUp(e)
	case events.ProfileUpdated:
		return s.profileUpdated(e)
	case events.SettingsUpdated:
		return s.settingsUpdated(e)
	case events.PasswordChanged:
		return s.passwordChanged(e)
	case events.SessionStarted:
		return s.sessionStarted(e)
	case events.SessionUsed:
		return s.sessionUsed(e)
	case events.SessionEnded:
		return s.sessionEnded(e)
	case events.UserFollowed:
		return s.userFollowed(e)
	case events.UserUnfollowed:
		return s.userUnfollowed(e)
	case events.TweetPosted:
		return s.tweetPosted(e)
	case events.TweetDeleted:
		return s.tweetDeleted(e)
	case events.ReactionSet:
		return s.reactionSet(e)
	}
	return nil // RowsImported: see changes
}

func (s *Store) userSignedUp(e events.UserSignedUp) []cache.Invalidation {
	key, _ := accounts.NameKey(e.Username)
	return []cache.Invalidation{s.Accounts.at(e.UserID, 1), s.Names.at(key, e.NameVer)}
}

func (s *Store) profileUpdated(e events.ProfileUpdated) []cache.Invalidation {
	return []cache.Invalidation{s.Accounts.at(e.UserID, e.Ver)}
}

func (s *Store) settingsUpdated(e events.SettingsUpdated) []cache.Invalidation {
	all := []cache.Invalidation{s.Accounts.at(e.UserID, e.Ver)}
	if e.OldNameVer > 0 {
		key, _ := accounts.NameKey(e.OldUsername)
		all = append(all, s.Names.at(key, e.OldNameVer))
	}
	if e.NewNameVer > 0 {
		key, _ := accounts.NameKey(e.NewUsername)
		all = append(all, s.Names.at(key, e.NewNameVer))
	}
	return all
}

func (s *Store) passwordChanged(e events.PasswordChanged) []cache.Invalidation {
	return []cache.Invalidation{s.Accounts.at(e.UserID, e.Ver)}
}

func (s *Store) sessionStarted(e events.SessionStarted) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, 1)}
}

func (s *Store) sessionUsed(e events.SessionUsed) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, e.Ver)}
}

func (s *Store) sessionEnded(e events.SessionEnded) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, e.Ver)}
}

func (s *Store) userFollowed(e events.UserFollowed) []cache.Invalidation {
	return s.edge(e.FollowerID, e.FolloweeID, e.Ver, e.FollowerVer, e.FolloweeVer, e.FollowingVer)
}

func (s *Store) userUnfollowed(e events.UserUnfollowed) []cache.Invalidation {
	return s.edge(e.FollowerID, e.FolloweeID, e.Ver, e.FollowerVer, e.FolloweeVer, e.FollowingVer)
}

// edge returns what a changed follow invalidates: the edge, the follower's list, and the counts of both ends.
func (s *Store) edge(follower, followee, ver, followerVer, followeeVer, followingVer int64) []cache.Invalidation {
	all := append(s.counted(follower, followerVer), s.counted(followee, followeeVer)...)
	return append(all, s.Follows.at(follows.Edge{FollowerID: follower, FolloweeID: followee}, ver), s.Followed.at(follower, followingVer))
}

// counted returns what changed counts of a user invalidate. The first change makes the row, which also holds the version
// of the list of those whom the user follows; so the list is invalidated, too. Events without versions may be of that kind.
func (s *Store) counted(user, ver int64) []cache.Invalidation {
	all := []cache.Invalidation{s.UserCounts.at(user, ver)}
	if ver <= 1 {
		all = append(all, s.Followed.at(user, ver))
	}
	return all
}

func (s *Store) tweetPosted(e events.TweetPosted) []cache.Invalidation {
	return append(s.counted(e.AuthorID, e.AuthorVer), s.Tweets.at(e.TweetID, 1))
}

// tweetDeleted names the tweet first: see strict.
func (s *Store) tweetDeleted(e events.TweetDeleted) []cache.Invalidation {
	return append([]cache.Invalidation{s.Tweets.at(e.TweetID, e.Ver)}, s.counted(e.AuthorID, e.AuthorVer)...)
}

func (s *Store) reactionSet(e events.ReactionSet) []cache.Invalidation {
	return []cache.Invalidation{
		s.Reactions.at(reactions.Key{TweetID: e.TweetID, UserID: e.UserID}, e.Ver),
		s.TweetCounts.at(e.TweetID, e.Revision),
	}
}

// strict returns the row that an event is about if that must not be shown as it was even between the commit and the
// invalidation.
func (s *Store) fenced(e events.Event) []cache.Invalidation {
	switch e.(type) {
	case events.SessionEnded, events.PasswordChanged, events.TweetDeleted:
		return s.of(e)[:1]
	}
	return nil
}

func (e *Entity[K, V]) at(key K, version int64) cache.Invalidation {
	return cache.Invalidation{Kind: e.kind, Key: e.keys.of(key), Version: version}
}

// invalidations are those of events, the newest of each key.
func (s *Store) invalidations(all []events.Event) []cache.Invalidation {
	n := newest{}
	for _, e := range all {
		n.add(s.of(e))
	}
	return n.all
}

// newest gathers invalidations, the newest of each key.
type newest struct {
	all []cache.Invalidation
	at  map[string]int
}

func (n *newest) add(more []cache.Invalidation) {
	if n.at == nil {
		n.at = map[string]int{}
	}
	for _, i := range more {
		at, seen := n.at[i.Key]
		if !seen {
			n.at[i.Key] = len(n.all)
			n.all = append(n.all, i)
		} else if n.all[at].Version < i.Version {
			n.all[at] = i
		}
	}
}

// in says of invalidations which epoch of the log they belong to.
func in(epoch int64, all []cache.Invalidation) []cache.Invalidation {
	for i := range all {
		all[i].Epoch = epoch
	}
	return all
}

// changes are what events of the log say about entries.
type changes struct {
	invalidations []cache.Invalidation
	// imported says that rows were imported, which no event names.
	imported bool
	// unreadable is the error of the first event whose rows are not known because it cannot be read.
	unreadable error
}

// unnamed reports whether any entry may be old.
func (c changes) unnamed() bool { return c.imported || c.unreadable != nil }

// changesOf reads what entries of the log have changed.
func (s *Store) changesOf(entries []events.Entry) (c changes) {
	n := newest{}
	for _, entry := range entries {
		all, err := s.ofEntry(entry, &c)
		if err != nil {
			c.unreadable = cmp.Or(c.unreadable, err)
			continue
		}
		n.add(all)
	}
	if len(entries) > 0 {
		c.invalidations = in(entries[0].Epoch, n.all)
	}
	return c
}

// ofEntry reads one entry. A payload may be damaged and still be decoded: a version that no row can have would be refused
// by the cache each time.
func (s *Store) ofEntry(entry events.Entry, c *changes) ([]cache.Invalidation, error) {
	e, err := entry.Event()
	if err != nil {
		return nil, err
	}
	if _, ok := e.(events.RowsImported); ok {
		c.imported = true
	}
	all := s.of(e)
	for _, i := range all {
		if i.Version < 0 || i.Version > cache.MaxVersion {
			return nil, fmt.Errorf("%w: event %d, a %s, has version %d of %s", events.ErrUnreadable, entry.Seq, entry.Type, i.Version, i.Key)
		}
	}
	return all, nil
}
