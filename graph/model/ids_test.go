package model

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/ids"
)

// Typed ids are written as global ids, and never read.
func TestIDsAreWrittenAsGlobalIDs(t *testing.T) {
	t.Parallel()
	for want, id := range map[string]graphql.Marshaler{
		ids.UserID(9).String():                 MarshalUserID(9),
		ids.TweetID(9).String():                MarshalTweetID(9),
		ids.SessionID{User: 9, ID: 5}.String(): MarshalSessionID(ids.SessionID{User: 9, ID: 5}),
	} {
		var b strings.Builder
		id.MarshalGQL(&b)
		if b.String() != `"`+want+`"` {
			t.Errorf("%s is written as %s", want, &b)
		}
	}
	_, user := UnmarshalUserID("x")
	_, tweet := UnmarshalTweetID("x")
	_, session := UnmarshalSessionID("x")
	if user == nil || tweet == nil || session == nil {
		t.Error("typed ids are read from input")
	}
}
