package model

import (
	"testing"

	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/internal/ids"
)

// Subscriptions share the events that have the same key: those of another tweet, of another revision, or of a revision that
// came again with other counts, must not have it.
func TestKeysOfCounts(t *testing.T) {
	t.Parallel()
	keys := map[string]reactions.Counts{}
	for _, c := range []reactions.Counts{
		{TweetID: 1, LikeCount: 2, DislikeCount: 3, Revision: 5},
		{TweetID: 12, LikeCount: 2, DislikeCount: 3, Revision: 5},
		{TweetID: 1, LikeCount: 2, DislikeCount: 3, Revision: 6},
		{TweetID: 1, LikeCount: 3, DislikeCount: 3, Revision: 5},
		{TweetID: 1, LikeCount: 2, DislikeCount: 4, Revision: 5},
		{TweetID: 1, LikeCount: 2, DislikeCount: 3, RetweetCount: 1, Revision: 5},
	} {
		key := (&Tweet{Tweet: &tweets.Tweet{ID: ids.TweetID(c.TweetID)}, Counts: &c}).EventKey()
		if other, seen := keys[key]; seen {
			t.Errorf("%+v and %+v have the same key", c, other)
		}
		keys[key] = c
	}
	if key := (&Tweet{Tweet: &tweets.Tweet{ID: ids.TweetID(1)}}).EventKey(); key != "" {
		t.Errorf("a tweet without counts has the key %q", key)
	}
}
