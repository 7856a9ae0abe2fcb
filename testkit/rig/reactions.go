package rig

import (
	"roost/testkit/apitest"
)

// SetReaction reacts, and reads all that a client shows after a click.
const SetReaction = `mutation($id: ID!, $k: ReactionKind!) { setReaction(input: {subjectId: $id, reaction: $k}) {
	subject { id reactions { likeCount dislikeCount viewerReaction revision } } userErrors { code } } }`

// Summary holds a tweet's reactions as an answer shows them.
type Summary struct {
	Likes, Dislikes, Revision int
	Mine                      string
}

// SummaryAt reads the counts at a path of an answer.
func SummaryAt(r *apitest.Response, path string) Summary {
	return Summary{Likes: r.Int(path + ".likeCount"), Dislikes: r.Int(path + ".dislikeCount"),
		Revision: r.Int(path + ".revision"), Mine: r.String(path + ".viewerReaction")}
}
