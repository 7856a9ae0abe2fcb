package rows

import (
	"cmp"
	"fmt"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/events"
)

// All invalidation is in this file. One function for each event returns the rows that it has changed, and the versions at which it
// left them.

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
	case events.ReplyAdded, events.ReplyRemoved:
		return []cache.Invalidation{s.recounted(e)}
	case events.ReactionSet:
		change := events.ReactionChange{UserID: e.UserID, Version: e.Version, ListVersion: e.ListVersion}
		return append(s.reactionChanged(e.TweetID, change), s.recounted(e))
	case events.ReactionsChanged:
		return s.reactionsChanged(e)
	case events.TweetRetweeted:
		return s.retweetChanged(e)
	case events.RetweetUndone:
		return s.retweetChanged(events.TweetRetweeted(e))
	case events.CountsRepaired:
		return s.countsRepaired(e)
	}
	return nil // RowsImported: see changes
}

func (s *Store) userSignedUp(e events.UserSignedUp) []cache.Invalidation {
	key, _ := accounts.NameKey(e.Username)
	return []cache.Invalidation{s.Accounts.at(e.UserID, 1), s.Names.at(key, e.NameVersion)}
}

func (s *Store) profileUpdated(e events.ProfileUpdated) []cache.Invalidation {
	return []cache.Invalidation{s.Accounts.at(e.UserID, e.Version)}
}

func (s *Store) settingsUpdated(e events.SettingsUpdated) []cache.Invalidation {
	all := []cache.Invalidation{s.Accounts.at(e.UserID, e.Version)}
	if e.OldNameVersion > 0 {
		key, _ := accounts.NameKey(e.OldUsername)
		all = append(all, s.Names.at(key, e.OldNameVersion))
	}
	if e.NewNameVersion > 0 {
		key, _ := accounts.NameKey(e.NewUsername)
		all = append(all, s.Names.at(key, e.NewNameVersion))
	}
	return all
}

func (s *Store) passwordChanged(e events.PasswordChanged) []cache.Invalidation {
	return []cache.Invalidation{s.Accounts.at(e.UserID, e.Version)}
}

func (s *Store) sessionStarted(e events.SessionStarted) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, 1)}
}

func (s *Store) sessionUsed(e events.SessionUsed) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, e.Version)}
}

func (s *Store) sessionEnded(e events.SessionEnded) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, e.Version)}
}

func (s *Store) userFollowed(e events.UserFollowed) []cache.Invalidation {
	return s.edge(e.FollowerID, e.FolloweeID, e.Version, e.FollowerVersion, e.FolloweeVersion, e.FollowingVersion)
}

func (s *Store) userUnfollowed(e events.UserUnfollowed) []cache.Invalidation {
	return s.edge(e.FollowerID, e.FolloweeID, e.Version, e.FollowerVersion, e.FolloweeVersion, e.FollowingVersion)
}

// edge returns the invalidations of a follow or an unfollow: of the edge, of the follower's list, and of the counts of both users.
func (s *Store) edge(follower, followee, version, followerVersion, followeeVersion, followingVersion int64) []cache.Invalidation {
	all := append(s.counted(follower, followerVersion), s.counted(followee, followeeVersion)...)
	follow := s.Follows.at(follows.Edge{FollowerID: follower, FolloweeID: followee}, version)
	return append(all, follow, s.Followed.at(follower, followingVersion))
}

// counted returns the invalidations of a change of a user's counts. The row of counts also holds the version of the list of users whom
// the user follows. So the first change, which creates the row, invalidates the list as well. An event without a version may be the
// first change.
func (s *Store) counted(user, version int64) []cache.Invalidation {
	all := []cache.Invalidation{s.UserCounts.at(user, version)}
	if version <= 1 {
		all = append(all, s.Followed.at(user, version))
	}
	return all
}

func (s *Store) tweetPosted(e events.TweetPosted) []cache.Invalidation {
	return append(s.wrote(e.AuthorID, e.AuthorVersion), s.Tweets.at(e.TweetID, 1))
}

// tweetDeleted returns the tweet first: see announced.
func (s *Store) tweetDeleted(e events.TweetDeleted) []cache.Invalidation {
	return append([]cache.Invalidation{s.Tweets.at(e.TweetID, e.Version)}, s.wrote(e.AuthorID, e.AuthorVersion)...)
}

// wrote returns the invalidations of a change of an author's tweets: of the author's counts, and of the list of the author's newest
// entries, which has the same version. A follow raises this version as well and leaves the list as it is, so it does not invalidate
// the list: an entry of a lower version remains right until a tweet changes the list and invalidates it at a higher version than that.
func (s *Store) wrote(author, version int64) []cache.Invalidation {
	return append(s.counted(author, version), s.AuthorLists.at(author, version))
}

// reactionsChanged returns the invalidations of all changes, and of the tweet's counts.
func (s *Store) reactionsChanged(e events.ReactionsChanged) []cache.Invalidation {
	all := make([]cache.Invalidation, 0, 2*len(e.Changes)+1)
	for _, c := range e.Changes {
		all = append(all, s.reactionChanged(e.TweetID, c)...)
	}
	return append(all, s.recounted(e))
}

// reactionChanged returns the reaction itself, and the list of the user's newest reactions, which covers the tweet or has covered it.
func (s *Store) reactionChanged(tweetID int64, c events.ReactionChange) []cache.Invalidation {
	return []cache.Invalidation{
		s.Reactions.at(reactions.Key{TweetID: tweetID, UserID: c.UserID}, c.Version),
		s.Reacted.at(c.UserID, c.ListVersion),
	}
}

// retweetChanged returns the retweet itself, the counts of the tweet, and the counts of the user. Two lists have the version of the
// latter: that of the user's newest entries, and that of the user's newest retweets.
func (s *Store) retweetChanged(e events.TweetRetweeted) []cache.Invalidation {
	return append(s.wrote(e.UserID, e.UserVersion),
		s.Retweets.at(retweets.Key{TweetID: e.TweetID, UserID: e.UserID}, e.Version),
		s.Retweeted.at(e.UserID, e.UserVersion),
		s.recounted(e))
}

// countsRepaired returns the counts of the user, and the list of users whom the user follows, whose version is in the same row.
func (s *Store) countsRepaired(e events.CountsRepaired) []cache.Invalidation {
	return []cache.Invalidation{s.UserCounts.at(e.UserID, e.Version), s.Followed.at(e.UserID, e.FollowingVersion)}
}

// unread is the version of changed counts that have to be read; see renewCounts.
const unread = -1

// recounted returns the counts of a tweet. The process that has changed them has read the new ones, and so can replace an entry at once.
// Elsewhere their version is unread, because it depends on other transactions as well.
func (s *Store) recounted(e events.Event) cache.Invalidation {
	now := events.CountsAfter(e)
	if now == nil {
		return s.TweetCounts.at(e.Aggregate(), unread)
	}
	return s.TweetCounts.with(e.Aggregate(), reactions.CountsFrom(e.Aggregate(), *now))
}

// announced returns the row that an event announces before its commit, so that nobody sees the old row even between commit and
// invalidation. It returns nothing for events that announce no row.
func (s *Store) announced(e events.Event) []cache.Invalidation {
	switch e.(type) {
	case events.SessionEnded, events.PasswordChanged, events.TweetDeleted:
		return s.of(e)[:1]
	}
	return nil
}

func (e *Entity[K, V]) at(key K, version int64) cache.Invalidation {
	return cache.Invalidation{Kind: e.kind, Key: e.keys.of(key), Version: version}
}

// with is at with the row itself.
func (e *Entity[K, V]) with(key K, v V) cache.Invalidation {
	i := e.at(key, e.version(v))
	var w writer
	e.write(&w, v)
	i.Data = string(w)
	return i
}

// invalidations returns the invalidations of events, the newest of each key, and the keys of counts whose version is unread.
func (s *Store) invalidations(all []events.Event) (known []cache.Invalidation, unreadCounts []string) {
	n := newest{}
	for _, e := range all {
		n.add(s.of(e))
	}
	return n.split()
}

// newest collects invalidations and keeps the newest of each key.
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

// split returns the invalidations with versions, and the keys of those without.
func (n *newest) split() (known []cache.Invalidation, unread []string) {
	known = n.all[:0]
	for _, i := range n.all {
		if i.Version < 0 {
			unread = append(unread, i.Key)
		} else {
			known = append(known, i)
		}
	}
	return known, unread
}

// in sets the log's epoch of invalidations, and returns them.
func in(epoch int64, all []cache.Invalidation) []cache.Invalidation {
	for i := range all {
		all[i].Epoch = epoch
	}
	return all
}

// changes is what a batch of the log changes in the cache.
type changes struct {
	invalidations []cache.Invalidation
	// counts are keys of counts of tweets. Their versions must be read.
	counts []string
	// imported is true if rows were imported; no event names them.
	imported bool
	// unreadable is the error of the first event that cannot be read, so that its rows are not known.
	unreadable error
	// unlisted is true if a node of the previous release set a reaction.
	unlisted bool
}

// unnamed reports whether rows have changed whose keys are not known, so that any entry may be old.
func (c changes) unnamed() bool { return c.imported || c.unreadable != nil }

// changesOf returns what entries of the log change in the cache.
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
	c.invalidations, c.counts = n.split()
	if len(entries) > 0 {
		in(entries[0].Epoch, c.invalidations)
	}
	return c
}

// ofEntry returns the invalidations of one entry of the log. A damaged payload may still be decoded: a version that no row can have is
// an error here, because the cache would refuse it at each attempt.
func (s *Store) ofEntry(entry events.Entry, c *changes) ([]cache.Invalidation, error) {
	e, err := entry.Event()
	if err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case events.RowsImported:
		c.imported = true
	case events.ReactionSet:
		c.unlisted = c.unlisted || e.Unlisted
	}
	all := s.of(e)
	for _, i := range all {
		if i.Version < 0 && i.Kind != s.TweetCounts.kind || i.Version > cache.MaxVersion {
			return nil, fmt.Errorf("%w: event %d, a %s, has version %d of %s", events.ErrUnreadable, entry.Seq, entry.Type, i.Version, i.Key)
		}
	}
	return all, nil
}
