package events

import "time"

// Event is something that happened, in the past tense. Its fields are the payload of the outbox
// entry, written as JSON; Version rises when their meaning changes.
type Event interface {
	// Type names the event in the outbox.
	Type() string
	// Version is the version of the payload's form.
	Version() int
	// Aggregate is the user or tweet whose events keep their order.
	Aggregate() int64
}

// v1 is embedded by events whose payload never changed.
type v1 struct{}

func (v1) Version() int { return 1 }

// UserSignedUp tells of a new account, and of the version of its username's claim.
type UserSignedUp struct {
	v1
	UserID   int64
	Username string
	NameVer  int64
}

// ProfileUpdated tells of a changed public profile.
type ProfileUpdated struct {
	v1
	UserID, Ver int64
}

// SettingsUpdated tells of changed private settings; a username that changed is named, and the versions of the
// claims that changed hands.
type SettingsUpdated struct {
	v1
	UserID, Ver int64
	OldUsername string `json:",omitempty"`
	NewUsername string `json:",omitempty"`
	OldNameVer  int64  `json:",omitempty"`
	NewNameVer  int64  `json:",omitempty"`
}

// PasswordChanged tells of a new password.
type PasswordChanged struct {
	v1
	UserID, Ver int64
}

// SessionStarted tells of a sign-in.
type SessionStarted struct {
	v1
	UserID, SessionID int64
}

// SessionUsed tells that a session's last use and expiry moved.
type SessionUsed struct {
	v1
	UserID, SessionID, Ver int64
}

// SessionEnded tells that a session ended before its time.
type SessionEnded struct {
	v1
	UserID, SessionID, Ver int64
	Reason                 string
	At                     time.Time
}

// UserFollowed tells of a new follow. FollowerVer and FolloweeVer are the versions of the counts of both,
// FollowingVer that of the follower's list.
type UserFollowed struct {
	v1
	FollowerID, FolloweeID, Ver int64
	FollowerVer, FolloweeVer    int64
	FollowingVer                int64
}

// UserUnfollowed tells of a follow that ended. FollowerVer and FolloweeVer are the versions of the counts of
// both, FollowingVer that of the follower's list.
type UserUnfollowed struct {
	v1
	FollowerID, FolloweeID, Ver int64
	FollowerVer, FolloweeVer    int64
	FollowingVer                int64
}

// TweetPosted tells of a new tweet. AuthorVer is the version of its author's counts.
type TweetPosted struct {
	v1
	TweetID, AuthorID int64
	AuthorVer         int64
}

// TweetDeleted tells of a deleted tweet. AuthorVer is the version of its author's counts.
type TweetDeleted struct {
	v1
	TweetID, AuthorID, Ver int64
	AuthorVer              int64
}

// ReactionSet tells of a changed reaction, with the tweet's counts that include it.
type ReactionSet struct {
	v1
	TweetID, UserID, Ver              int64
	Kind, Prev                        int8
	LikeCount, DislikeCount, Revision int64
}

// RowsImported tells of one chunk of an import.
type RowsImported struct {
	v1
	Source, File string
	Rows         int64
}

// Type and Aggregate of each event.

func (UserSignedUp) Type() string         { return "UserSignedUp" }
func (e UserSignedUp) Aggregate() int64   { return e.UserID }
func (ProfileUpdated) Type() string       { return "ProfileUpdated" }
func (e ProfileUpdated) Aggregate() int64 { return e.UserID }

func (SettingsUpdated) Type() string       { return "SettingsUpdated" }
func (e SettingsUpdated) Aggregate() int64 { return e.UserID }
func (PasswordChanged) Type() string       { return "PasswordChanged" }
func (e PasswordChanged) Aggregate() int64 { return e.UserID }

func (SessionStarted) Type() string       { return "SessionStarted" }
func (e SessionStarted) Aggregate() int64 { return e.UserID }
func (SessionUsed) Type() string          { return "SessionUsed" }
func (e SessionUsed) Aggregate() int64    { return e.UserID }
func (SessionEnded) Type() string         { return "SessionEnded" }
func (e SessionEnded) Aggregate() int64   { return e.UserID }

func (UserFollowed) Type() string         { return "UserFollowed" }
func (e UserFollowed) Aggregate() int64   { return e.FollowerID }
func (UserUnfollowed) Type() string       { return "UserUnfollowed" }
func (e UserUnfollowed) Aggregate() int64 { return e.FollowerID }

func (TweetPosted) Type() string       { return "TweetPosted" }
func (e TweetPosted) Aggregate() int64 { return e.TweetID }
func (TweetDeleted) Type() string      { return "TweetDeleted" }
func (e TweetDeleted) Aggregate() int64 {
	return e.TweetID
}

func (ReactionSet) Type() string       { return "ReactionSet" }
func (e ReactionSet) Aggregate() int64 { return e.TweetID }

func (RowsImported) Type() string     { return "RowsImported" }
func (RowsImported) Aggregate() int64 { return 0 }
