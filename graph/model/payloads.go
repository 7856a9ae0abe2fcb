package model

import "roost/domain/accounts"

// Payload is the answer to a mutation. It names the objects that the mutation was about; their fields are read when they are asked
// for. A refused mutation has UserErrors and nothing else.
type Payload struct {
	UserID, ViewerID, TweetID int64 // 0 is none

	// NotInHome means that the tweet is not in the viewer's home timeline: it answers somebody whom the viewer does not follow.
	NotInHome bool

	Retweet *Retweet // nil is none

	Token, DeletedTweetID, DeletedRetweetID *string

	Session    *accounts.Session
	Sessions   []*accounts.Session
	UserErrors []*UserError
}

// Content returns what all payloads have in common.
func (p *Payload) Content() *Payload { return p }

// IsMutationPayload marks the answer to a mutation.
func (*Payload) IsMutationPayload() {}

// Viewer returns the private side of the user that the mutation was about; nil if it was about none.
func (p *Payload) Viewer() *Viewer {
	if p.ViewerID == 0 {
		return nil
	}
	return &Viewer{UserID: p.ViewerID}
}

// The payloads of the mutations have one content. Each has a type because gqlgen chooses the GraphQL type of an object by its Go type.
type (
	SignUpPayload              struct{ Payload }
	LogInPayload               struct{ Payload }
	LogOutPayload              struct{ Payload }
	RevokeSessionPayload       struct{ Payload }
	RevokeOtherSessionsPayload struct{ Payload }
	ChangePasswordPayload      struct{ Payload }
	UpdateProfilePayload       struct{ Payload }
	UpdateSettingsPayload      struct{ Payload }
	FollowUserPayload          struct{ Payload }
	UnfollowUserPayload        struct{ Payload }
	CreateTweetPayload         struct{ Payload }
	DeleteTweetPayload         struct{ Payload }
	RetweetPayload             struct{ Payload }
	UnretweetPayload           struct{ Payload }
	SetReactionPayload         struct{ Payload }
)
