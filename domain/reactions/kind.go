// Package reactions holds the rules of likes and dislikes: one stand per user and tweet, and the counts
// of a tweet.
package reactions

import (
	"fmt"
	"io"
)

// Kind is a user's stand on a tweet, as it is stored.
type Kind int8

// The kinds.
const (
	None Kind = iota
	Like
	Dislike
)

var names = [...]string{None: "NONE", Like: "LIKE", Dislike: "DISLIKE"}

func (k Kind) String() string {
	if k < None || k > Dislike {
		return fmt.Sprintf("Kind(%d)", int8(k))
	}
	return names[k]
}

// MarshalGQL writes the enum value.
func (k Kind) MarshalGQL(w io.Writer) {
	// A write that fails is a client that left; the transport notices.
	_, _ = io.WriteString(w, `"`+k.String()+`"`)
}

// UnmarshalGQL reads the enum value.
func (k *Kind) UnmarshalGQL(v any) error {
	for i, n := range names {
		if v == n {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("%v is not a ReactionKind", v)
}

// likes and dislikes are what a change from one kind to another adds to the counts.
func change(prev, now Kind) (likes, dislikes int64) {
	add := func(k Kind, by int64) {
		switch k {
		case Like:
			likes += by
		case Dislike:
			dislikes += by
		}
	}
	add(prev, -1)
	add(now, 1)
	return likes, dislikes
}
