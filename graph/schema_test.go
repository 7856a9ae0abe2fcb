package graph

import "testing"

// The fields that have a resolver of their own are known by the names of the schema.
func TestIsResolved(t *testing.T) {
	t.Parallel()
	schema := offered()
	for object, want := range map[string]map[string]bool{
		"Tweet":           {"url": true, "viewerHasRetweeted": true, "text": false, "createdAt": false},
		"ReactionSummary": {"viewerReaction": true, "likeCount": true},
		"User":            {"tweetCount": true, "username": false},
	} {
		for field, want := range want {
			if schema.Types[object].Fields.ForName(field) == nil {
				t.Errorf("%s has no field %s", object, field)
			}
			if got := IsResolved(object, field); got != want {
				t.Errorf("%s.%s has a resolver of its own: %t, want %t", object, field, got, want)
			}
		}
	}
}
