package timelines

import "roost/events"

// HomeChange is what an event does to home timelines.
type HomeChange struct {
	Kind HomeChangeKind
	// TweetID and AuthorID are set for all kinds but Rebuilt. EntryAdded and EntryRemoved concern the viewers whose timelines have the
	// tweet at its own place, see Ends, and EntryRemoved also those to whom retweets have brought the tweet. Retweeted and RetweetEnded
	// may concern the other viewers for whom the user is InHome; Parts says what they do.
	TweetID, AuthorID int64
	// ParentAuthorID is the author of the tweet that the tweet answers; 0 if it answers none.
	ParentAuthorID int64
	// UserID is who has retweeted the tweet, and SortKey the place of the retweet. They are also set for an EntryAdded that is a part
	// of such a change.
	UserID, SortKey int64
	// ViewerID is whose home timeline was Rebuilt; 0 is everybody's.
	ViewerID int64
}

// Ends returns the users who decide whether a home timeline has the tweet at its own place.
func (c HomeChange) Ends() Ends { return Ends{c.AuthorID, c.ParentAuthorID} }

// HomeChangeKind says how a home timeline changes.
type HomeChangeKind int

// The kinds.
const (
	// EntryAdded means that a tweet is new.
	EntryAdded HomeChangeKind = iota
	// EntryRemoved means that a tweet was deleted, or that it is not where it was any more.
	EntryRemoved
	// Retweeted and RetweetEnded mean that the retweets of a tweet have changed.
	Retweeted
	RetweetEnded
	// Rebuilt means that so many entries came or went that the timeline must be read again.
	Rebuilt
)

// homeChanges lists every event type that changes home timelines, and how. The index events_home has the same types.
var homeChanges = []homeEvent{
	on(func(e events.TweetPosted) HomeChange {
		return HomeChange{Kind: EntryAdded, TweetID: e.TweetID, AuthorID: e.AuthorID, ParentAuthorID: e.ParentAuthorID}
	}),
	on(func(e events.TweetDeleted) HomeChange {
		return HomeChange{Kind: EntryRemoved, TweetID: e.TweetID, AuthorID: e.AuthorID, ParentAuthorID: e.ParentAuthorID}
	}),
	on(func(e events.TweetRetweeted) HomeChange {
		return HomeChange{Kind: Retweeted, TweetID: e.TweetID, AuthorID: e.AuthorID, ParentAuthorID: e.ParentAuthorID,
			UserID: e.UserID, SortKey: e.SortKey}
	}),
	on(func(e events.RetweetUndone) HomeChange {
		return HomeChange{Kind: RetweetEnded, TweetID: e.TweetID, AuthorID: e.AuthorID, ParentAuthorID: e.ParentAuthorID,
			UserID: e.UserID, SortKey: e.SortKey}
	}),
	on(func(e events.UserFollowed) HomeChange { return HomeChange{Kind: Rebuilt, ViewerID: e.FollowerID} }),
	on(func(e events.UserUnfollowed) HomeChange { return HomeChange{Kind: Rebuilt, ViewerID: e.FollowerID} }),
	on(func(events.RowsImported) HomeChange { return HomeChange{Kind: Rebuilt} }),
}

// homeEvent is an event type that changes home timelines.
type homeEvent struct {
	name   string
	change func(e events.Event) (HomeChange, bool) // false for events of other types
}

func on[E events.Event](change func(e E) HomeChange) homeEvent {
	var zero E
	return homeEvent{zero.Type(), func(e events.Event) (HomeChange, bool) {
		if e, ok := e.(E); ok {
			return change(e), true
		}
		return HomeChange{}, false
	}}
}

// HomeChangeOf returns what an event does to home timelines; ok is false for an event that does nothing to them.
func HomeChangeOf(e events.Event) (c HomeChange, ok bool) {
	for _, h := range homeChanges {
		if c, ok := h.change(e); ok {
			return c, true
		}
	}
	return HomeChange{}, false
}

// HomeEventTypes returns the types of the events that change home timelines.
func HomeEventTypes() []string {
	types := make([]string, len(homeChanges))
	for i, h := range homeChanges {
		types[i] = h.name
	}
	return types
}
