// Package reactions holds the rules of likes and dislikes. A user has one reaction to a tweet, and a tweet has the counts of
// all reactions to it.
//
// Reactions of a process that come at the same time are set in one transaction, which locks no row that two users share: for each tweet it
// adds a delta, which is what its changes add to the tweet's counts. The consumer group of Drain adds deltas to the row of counts and
// deletes them. The counts of a tweet are always read as the sum of both, in one snapshot, and their revision is the number of changes.
//
// Limits: a transaction sets 256 reactions, and 1,024 wait for it; more are refused as UNAVAILABLE. A read that meets more than 1,000
// deltas of a tweet drains them itself.
package reactions

import (
	"fmt"
	"slices"
)

// Kind is a user's reaction to a tweet, as it is stored.
type Kind int8

// The kinds.
const (
	None Kind = iota
	Like
	Dislike
)

var names = [...]string{None: "NONE", Like: "LIKE", Dislike: "DISLIKE"}

// String returns the name of the kind.
func (k Kind) String() string {
	if k < None || k > Dislike {
		return fmt.Sprintf("Kind(%d)", int8(k))
	}
	return names[k]
}

// KindOf returns the kind with a name, as String has it; ok is false for other names.
func KindOf(name string) (k Kind, ok bool) {
	i := slices.Index(names[:], name)
	return Kind(max(i, 0)), i >= 0
}

// change returns what a change from one kind to another adds to the counts of a tweet.
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
