package events

import "time"

// Event is something that happened; its name is in the past tense. The log stores its fields as JSON. The JSON names never change,
// because stored events contain them; some are older and shorter than the names of the fields.
type Event interface {
	// Type names the event in the outbox.
	Type() string
	// PayloadVersion is the version of the payload's form. It rises when a field gets another meaning.
	PayloadVersion() int
	// Aggregate is the id of the user or tweet that the event belongs to. Events of one aggregate are handled in order.
	Aggregate() int64
}

// v1 is embedded in events whose payload has never changed.
type v1 struct{}

func (v1) PayloadVersion() int { return 1 }

// decoders read the payloads of the events that this binary can read, by type. Each reads all versions of its type so far.
var decoders = map[string]func(payload []byte) (Event, error){
	UserSignedUp{}.Type():     decode[UserSignedUp],
	ProfileUpdated{}.Type():   decode[ProfileUpdated],
	SettingsUpdated{}.Type():  decode[SettingsUpdated],
	PasswordChanged{}.Type():  decode[PasswordChanged],
	SessionStarted{}.Type():   decode[SessionStarted],
	SessionUsed{}.Type():      decode[SessionUsed],
	SessionEnded{}.Type():     decode[SessionEnded],
	UserFollowed{}.Type():     decode[UserFollowed],
	UserUnfollowed{}.Type():   decode[UserUnfollowed],
	TweetPosted{}.Type():      decode[TweetPosted],
	TweetDeleted{}.Type():     decode[TweetDeleted],
	ReplyAdded{}.Type():       decode[ReplyAdded],
	ReplyRemoved{}.Type():     decode[ReplyRemoved],
	ReactionSet{}.Type():      decode[ReactionSet],
	ReactionsChanged{}.Type(): decode[ReactionsChanged],
	TweetRetweeted{}.Type():   decode[TweetRetweeted],
	RetweetUndone{}.Type():    decode[RetweetUndone],
	CountsRepaired{}.Type():   decode[CountsRepaired],
	RowsImported{}.Type():     decode[RowsImported],
}

// UserSignedUp reports a new account. NameVersion is the version of its username's claim.
type UserSignedUp struct {
	v1
	UserID      int64
	Username    string
	NameVersion int64 `json:"NameVer"`
}

// ProfileUpdated reports a changed public profile.
type ProfileUpdated struct {
	v1
	UserID  int64
	Version int64 `json:"Ver"`
}

// SettingsUpdated reports changed private settings. If the username changed, it holds the old and the new one, and the versions
// of their claims.
type SettingsUpdated struct {
	v1
	UserID         int64
	Version        int64  `json:"Ver"`
	OldUsername    string `json:",omitempty"`
	NewUsername    string `json:",omitempty"`
	OldNameVersion int64  `json:"OldNameVer,omitempty"`
	NewNameVersion int64  `json:"NewNameVer,omitempty"`
}

// PasswordChanged reports a new password.
type PasswordChanged struct {
	v1
	UserID  int64
	Version int64 `json:"Ver"`
}

// SessionStarted reports a sign-in.
type SessionStarted struct {
	v1
	UserID, SessionID int64
}

// SessionUsed reports that a session's last use and expiry moved.
type SessionUsed struct {
	v1
	UserID, SessionID int64
	Version           int64 `json:"Ver"`
}

// SessionEnded reports that a session ended before it expired.
type SessionEnded struct {
	v1
	UserID, SessionID int64
	Version           int64 `json:"Ver"`
	Reason            string
	At                time.Time
}

// UserFollowed reports a new follow. Version is the version of the follow, FollowerVersion and FolloweeVersion are the versions
// of both users' counts, and FollowingVersion is the version of the follower's list.
type UserFollowed struct {
	v1
	FollowerID, FolloweeID int64
	Version                int64 `json:"Ver"`
	FollowerVersion        int64 `json:"FollowerVer"`
	FolloweeVersion        int64 `json:"FolloweeVer"`
	FollowingVersion       int64 `json:"FollowingVer"`
}

// UserUnfollowed reports the end of a follow. It has the same fields as UserFollowed.
type UserUnfollowed struct {
	v1
	FollowerID, FolloweeID int64
	Version                int64 `json:"Ver"`
	FollowerVersion        int64 `json:"FollowerVer"`
	FolloweeVersion        int64 `json:"FolloweeVer"`
	FollowingVersion       int64 `json:"FollowingVer"`
}

// TweetPosted reports a new tweet. AuthorVersion is the version of its author's counts. InReplyTo is the tweet that it answers, and
// ParentAuthorID the author of that; 0 if it answers none.
type TweetPosted struct {
	v1
	TweetID, AuthorID int64
	AuthorVersion     int64 `json:"AuthorVer"`
	InReplyTo         int64 `json:",omitempty"`
	ParentAuthorID    int64 `json:",omitempty"`
}

// TweetDeleted reports a deleted tweet. AuthorVersion is the version of its author's counts. InReplyTo and ParentAuthorID are as in
// TweetPosted.
type TweetDeleted struct {
	v1
	TweetID, AuthorID int64
	Version           int64 `json:"Ver"`
	AuthorVersion     int64 `json:"AuthorVer"`
	InReplyTo         int64 `json:",omitempty"`
	ParentAuthorID    int64 `json:",omitempty"`
}

// ReplyAdded reports that a tweet was answered. TweetID is the tweet, ReplyID the reply, and AuthorID who wrote the reply. The transaction
// also has the TweetPosted of the reply.
type ReplyAdded struct {
	v1
	counted
	TweetID, ReplyID, AuthorID int64
}

// ReplyRemoved reports that a reply to a tweet was deleted. It has the same fields as ReplyAdded.
type ReplyRemoved struct {
	v1
	counted
	TweetID, ReplyID, AuthorID int64
}

// ReactionSet reports a changed reaction, with the tweet's counts after the change. Binaries from before migration 14 write it; this one
// writes ReactionsChanged. ListVersion is the version of the list of the
// user's reactions. The database sets it and Unlisted for a binary from before migration 9, which does not invalidate that list.
// RetweetCount is nil in events of binaries from before migration 12.
type ReactionSet struct {
	v1
	TweetID, UserID                   int64
	Version                           int64 `json:"Ver"`
	Kind, Prev                        int8
	LikeCount, DislikeCount, Revision int64
	ListVersion                       int64 `json:"ListVer,omitempty"`
	Unlisted                          bool  `json:",omitempty"`

	RetweetCount *int64 `json:",omitempty"`
}

// ReactionsChanged reports all reactions to one tweet that one transaction has changed, at most one of each user. LikesAdded and
// DislikesAdded are what they add to the tweet's counts; each change adds 1 to its revision. Without Changes it reports that the tweet's
// counts were repaired.
type ReactionsChanged struct {
	v1
	counted
	TweetID                   int64
	LikesAdded, DislikesAdded int64
	Changes                   []ReactionChange
}

// ReactionChange is the change of one user's reaction, as numbers of reactions.Kind. ListVersion is the version of the list of the user's
// reactions.
type ReactionChange struct {
	UserID      int64
	Kind, Prev  int8
	Version     int64 `json:"Ver"`
	ListVersion int64 `json:"ListVer"`
}

// TweetRetweeted reports a new retweet. AuthorID is the tweet's author, ParentAuthorID that of the tweet which it answers (0 if it is no
// reply), UserID the user who retweets, and SortKey the id that orders the
// retweet in time. Version is the version of the retweet, and UserVersion that of the user's counts. RetweetCount and the fields after
// it are the row of the tweet's counts, without reactions that are not drained; binaries from before migration 14 use them.
type TweetRetweeted struct {
	v1
	counted
	TweetID, AuthorID, UserID                       int64
	SortKey                                         int64
	Version                                         int64 `json:"Ver"`
	UserVersion                                     int64 `json:"UserVer"`
	RetweetCount, LikeCount, DislikeCount, Revision int64

	ParentAuthorID int64 `json:",omitempty"`
}

// RetweetUndone reports the end of a retweet. It has the same fields as TweetRetweeted. SortKey is that of the retweet which ended.
type RetweetUndone struct {
	v1
	counted
	TweetID, AuthorID, UserID                       int64
	SortKey                                         int64
	Version                                         int64 `json:"Ver"`
	UserVersion                                     int64 `json:"UserVer"`
	RetweetCount, LikeCount, DislikeCount, Revision int64

	ParentAuthorID int64 `json:",omitempty"`
}

// CountsRepaired reports that counts of a user differed from the rows that they count, and do not any more. Version is the version of the
// user's counts, and FollowingVersion that of the list of users whom the user follows.
type CountsRepaired struct {
	v1
	UserID           int64
	Version          int64 `json:"Ver"`
	FollowingVersion int64 `json:"FollowingVer"`
}

// RowsImported reports one chunk of an import.
type RowsImported struct {
	v1
	Source, File string
	Rows         int64
}

// Type is part of Event.
func (UserSignedUp) Type() string { return "UserSignedUp" }

// Aggregate is part of Event.
func (e UserSignedUp) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (ProfileUpdated) Type() string { return "ProfileUpdated" }

// Aggregate is part of Event.
func (e ProfileUpdated) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (SettingsUpdated) Type() string { return "SettingsUpdated" }

// Aggregate is part of Event.
func (e SettingsUpdated) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (PasswordChanged) Type() string { return "PasswordChanged" }

// Aggregate is part of Event.
func (e PasswordChanged) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (SessionStarted) Type() string { return "SessionStarted" }

// Aggregate is part of Event.
func (e SessionStarted) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (SessionUsed) Type() string { return "SessionUsed" }

// Aggregate is part of Event.
func (e SessionUsed) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (SessionEnded) Type() string { return "SessionEnded" }

// Aggregate is part of Event.
func (e SessionEnded) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (UserFollowed) Type() string { return "UserFollowed" }

// Aggregate is part of Event.
func (e UserFollowed) Aggregate() int64 { return e.FollowerID }

// Type is part of Event.
func (UserUnfollowed) Type() string { return "UserUnfollowed" }

// Aggregate is part of Event.
func (e UserUnfollowed) Aggregate() int64 { return e.FollowerID }

// Type is part of Event.
func (TweetPosted) Type() string { return "TweetPosted" }

// Aggregate is part of Event.
func (e TweetPosted) Aggregate() int64 { return e.TweetID }

// Type is part of Event.
func (TweetDeleted) Type() string { return "TweetDeleted" }

// Aggregate is part of Event.
func (e TweetDeleted) Aggregate() int64 { return e.TweetID }

// Type is part of Event.
func (ReplyAdded) Type() string { return "ReplyAdded" }

// Aggregate is part of Event.
func (e ReplyAdded) Aggregate() int64 { return e.TweetID }

// WithCounts returns the event with the counts that were read after its commit.
func (e ReplyAdded) WithCounts(now *TweetCounts) Event {
	e.counts = now
	return e
}

// Type is part of Event.
func (ReplyRemoved) Type() string { return "ReplyRemoved" }

// Aggregate is part of Event.
func (e ReplyRemoved) Aggregate() int64 { return e.TweetID }

// WithCounts returns the event with the counts that were read after its commit.
func (e ReplyRemoved) WithCounts(now *TweetCounts) Event {
	e.counts = now
	return e
}

// Type is part of Event.
func (ReactionSet) Type() string { return "ReactionSet" }

// Aggregate is part of Event.
func (e ReactionSet) Aggregate() int64 { return e.TweetID }

// Type is part of Event.
func (ReactionsChanged) Type() string { return "ReactionsChanged" }

// Aggregate is part of Event.
func (e ReactionsChanged) Aggregate() int64 { return e.TweetID }

// WithCounts returns the event with the counts that were read after its commit.
func (e ReactionsChanged) WithCounts(now *TweetCounts) Event {
	e.counts = now
	return e
}

// WithCounts returns the event with the counts that were read after its commit.
func (e TweetRetweeted) WithCounts(now *TweetCounts) Event {
	e.counts = now
	return e
}

// WithCounts returns the event with the counts that were read after its commit.
func (e RetweetUndone) WithCounts(now *TweetCounts) Event {
	e.counts = now
	return e
}

// Type is part of Event.
func (TweetRetweeted) Type() string { return "TweetRetweeted" }

// Aggregate is part of Event.
func (e TweetRetweeted) Aggregate() int64 { return e.TweetID }

// Type is part of Event.
func (RetweetUndone) Type() string { return "RetweetUndone" }

// Aggregate is part of Event.
func (e RetweetUndone) Aggregate() int64 { return e.TweetID }

// Type is part of Event.
func (CountsRepaired) Type() string { return "CountsRepaired" }

// Aggregate is part of Event.
func (e CountsRepaired) Aggregate() int64 { return e.UserID }

// Type is part of Event.
func (RowsImported) Type() string { return "RowsImported" }

// Aggregate is part of Event.
func (RowsImported) Aggregate() int64 { return 0 }
