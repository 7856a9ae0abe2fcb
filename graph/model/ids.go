package model

import (
	"errors"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/ids"
)

// The ids of objects are written here as global ids. Arguments stay strings: what an id of another type means, or garbage, is
// up to the field. So the functions that gqlgen requires for reading always fail.

// errOneWay is the error of reading a typed id.
var errOneWay = errors.New("typed ids are for output")

// MarshalUserID writes the global id of a user.
func MarshalUserID(id ids.UserID) graphql.Marshaler { return globalID(id.String()) }

// UnmarshalUserID always fails; arguments are strings.
func UnmarshalUserID(any) (ids.UserID, error) { return 0, errOneWay }

// MarshalTweetID writes the global id of a tweet.
func MarshalTweetID(id ids.TweetID) graphql.Marshaler { return globalID(id.String()) }

// UnmarshalTweetID always fails; arguments are strings.
func UnmarshalTweetID(any) (ids.TweetID, error) { return 0, errOneWay }

// MarshalSessionID writes the global id of a session.
func MarshalSessionID(id ids.SessionID) graphql.Marshaler { return globalID(id.String()) }

// UnmarshalSessionID always fails; arguments are strings.
func UnmarshalSessionID(any) (ids.SessionID, error) { return ids.SessionID{}, errOneWay }

// MarshalHashtagID writes the global id of a hashtag.
func MarshalHashtagID(id ids.HashtagID) graphql.Marshaler { return globalID(id.String()) }

// UnmarshalHashtagID always fails; arguments are strings.
func UnmarshalHashtagID(any) (ids.HashtagID, error) { return 0, errOneWay }

// globalID writes a global id, which has no character that JSON escapes.
func globalID(s string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		// A write that fails is a client that left; the transport notices.
		_, _ = io.WriteString(w, `"`+s+`"`)
	})
}
