package model

import (
	"strconv"
	"time"

	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/search"
	"roost/domain/tweets"
	"roost/internal/cursors"
)

// Viewer is the private side of a signed-in user.
type Viewer struct{ UserID int64 }

// Tweet is a tweet, with its counts if they came along with it.
type Tweet struct {
	*tweets.Tweet
	Counts *reactions.Counts
}

// ReactionSummary names the reactions to a tweet.
type ReactionSummary struct {
	TweetID int64
	// OfEvent is set if the tweet came with its counts, in an event of a subscription.
	OfEvent bool
}

// Retweet is the retweet of a tweet by a user, which has an id that clients can ask for.
type Retweet struct{ retweets.Retweet }

// RetweetOf returns a retweet; nil stays nil.
func RetweetOf(r *retweets.Retweet) *Retweet {
	if r == nil {
		return nil
	}
	return &Retweet{*r}
}

// GlobalID is the id by which clients name the retweet.
func (r *Retweet) GlobalID() string { return r.ID().String() }

// RetweetConnection is a page of a tweet's retweets.
type RetweetConnection struct{ Connection }

// RetweetEdge is an entry of a list of retweets.
type RetweetEdge struct {
	Cursor string
	Node   *Retweet
}

// TweetConnection is a page of tweets: of a list, such as the replies to one, or of the results of a search.
type TweetConnection struct {
	Connection
	// Found names the page of a search; nil for a page of a list.
	Found *TweetsFound
}

// PageInfo returns the position of the page in its list or among the results.
func (c TweetConnection) PageInfo() *PageInfo {
	if c.Found != nil {
		return &PageInfo{Found: *c.Found}
	}
	return c.Connection.PageInfo()
}

// TweetEdge is an entry of a list of tweets. Key is set for an event; see graph.Personal.
type TweetEdge struct {
	Cursor string
	Node   *Tweet
	Key    string
}

// EventCursor makes the entry a pullstream.Resumable.
func (e *TweetEdge) EventCursor() string { return e.Cursor }

// EventKey makes the entry a pullstream.Keyed.
func (e *TweetEdge) EventKey() string { return e.Key }

// Node is an object with a global id: an *accounts.User, an *accounts.Session, a *Tweet or a *Retweet. It has no marker method,
// because the first two are types of the domain, which needs no GraphQL.
type Node interface{ GlobalID() string }

// Reactable is an object that can be liked: a *Tweet.
type Reactable interface {
	Node
	IsReactable()
}

// GlobalID is the id by which clients name the tweet.
func (t *Tweet) GlobalID() string { return t.ID.String() }

// IsReactable marks the tweet as an object that can be liked.
func (*Tweet) IsReactable() {}

// Connection names a page of an owner's list. Its fields read the page, or the length of the list, when they are asked for it.
type Connection struct {
	List   cursors.Kind
	Owner  int64
	Window cursors.Window
	// Kinds says which kinds of entries the page has; see sqldb.Key.
	Kinds uint8
	// Matching is the search that the entries of the page match; empty for all entries.
	Matching string
	// Nothing is set for a page that holds nothing, whatever is in the list.
	Nothing bool
}

// PageInfo returns the position of the page in its list.
func (c Connection) PageInfo() *PageInfo { return &PageInfo{Connection: c} }

// PageInfo is the position of a page in its list: in that of an owner, or in the results of a search.
type PageInfo struct {
	Connection
	Found Found
}

// Found names a page of the results of a search; nil is no search.
type Found interface{ IsFound() }

// TweetsFound is a page of a search for tweets.
type TweetsFound struct{ search.Key }

// IsFound marks the page as one of a search.
func (TweetsFound) IsFound() {}

// UsersFound is a page of a search for users.
type UsersFound struct{ search.UserKey }

// IsFound marks the page as one of a search.
func (UsersFound) IsFound() {}

// UserConnection is a page of users.
type UserConnection struct{ Found UsersFound }

// PageInfo returns the position of the page among the results.
func (c UserConnection) PageInfo() *PageInfo { return &PageInfo{Found: c.Found} }

// UserEdge is a user in a list.
type UserEdge struct {
	Cursor string
	Node   *accounts.User
}

// TimelineConnection is a page of a user's own timeline.
type TimelineConnection struct{ Connection }

// HomeTimelineConnection is a page of the home timeline.
type HomeTimelineConnection struct{ Connection }

// TimelineEdge is an entry of a timeline. Retweet is what has brought it there; nil for an entry at the tweet's own place.
type TimelineEdge struct {
	Cursor  string
	Node    *Tweet
	Retweet *Retweet
}

// FollowConnection is a page of followers or followed users.
type FollowConnection struct{ Connection }

// FollowEdge is an entry of a list of follows. UserID is the user at the other end of the follow.
type FollowEdge struct {
	Cursor     string
	UserID     int64
	FollowedAt time.Time
}

// UserError is a refusal of an input. Limit is the limit that the input exceeded, if it exceeded one.
type UserError struct {
	Code    UserErrorCode
	Message string
	Path    []string
	Limit   *int32
}

// TweetOf returns a tweet without counts; nil stays nil.
func TweetOf(t *tweets.Tweet) *Tweet {
	if t == nil {
		return nil
	}
	return &Tweet{Tweet: t}
}

// TimelineEntryAdded is a new entry of a home timeline. Key names the event and the viewers for whom its fields have the same
// values; see graph.Personal. Standing is nil for an event that was made for one viewer.
type TimelineEntryAdded struct {
	Cursor   string
	Edge     *TimelineEdge
	Standing *Standing
	Key      string
}

// Standing is what the fields of a new tweet and of its author say about a viewer, and the tweet's counts at the same time.
type Standing struct {
	// Author means that the viewer has posted the tweet.
	Author    bool
	Reaction  reactions.Kind
	Retweeted bool
	// FollowsAuthor means that the viewer follows the author. It is the same for all viewers to whom an entry is sent, but its author.
	FollowsAuthor bool
	Counts        *reactions.Counts
}

// IsTimelineEvent marks the entry as an event of a home timeline.
func (*TimelineEntryAdded) IsTimelineEvent() {}

// EventCursor makes the entry a pullstream.Resumable.
func (e *TimelineEntryAdded) EventCursor() string { return e.Cursor }

// EventCursor makes the entry a pullstream.Resumable.
func (e *TimelineEntryRemoved) EventCursor() string { return e.Cursor }

// EventCursor makes the reset a pullstream.Resumable.
func (e *TimelineReset) EventCursor() string { return e.Cursor }

// EventKey makes the entry a pullstream.Keyed.
func (e *TimelineEntryAdded) EventKey() string { return e.Key }

// EventKey makes the entry a pullstream.Keyed.
func (e *TimelineEntryRemoved) EventKey() string { return "removed " + e.Cursor + e.TweetID }

// EventKey makes the reset a pullstream.Keyed.
func (e *TimelineReset) EventKey() string { return "reset " + e.Cursor + string(e.Reason) }

// EventKey makes a tweet whose counts have changed a pullstream.Keyed. A tweet without counts has no key.
func (t *Tweet) EventKey() string {
	if t.Counts == nil {
		return ""
	}
	// The counts are part of the key: after the database has gone back, a revision returns with other counts.
	var buf [72]byte
	b := append(buf[:0], "counts "...)
	for _, n := range [...]int64{int64(t.ID), int64(t.Counts.Revision), int64(t.Counts.LikeCount), int64(t.Counts.DislikeCount),
		int64(t.Counts.RetweetCount)} {
		b = append(strconv.AppendInt(b, n, 36), ' ')
	}
	return string(b)
}
