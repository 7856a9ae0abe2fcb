package rows

import (
	"strings"
	"time"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/tweets"
	"roost/internal/ids"
)

const (
	// localParts and maxLocalBytes bound the tweets in the process; see cache.Tier.Reserve. 16 MiB are some 80,000 of them.
	localParts, maxLocalBytes = 16, 16 << 20
	// minKept is the least that tweets or home timelines take in the process, in bytes.
	minKept = 512 << 10
	// typicalText is the length in bytes below which most tweets stay.
	typicalText = 115
)

// localTweet is a tweet in a form whose only pointer leads to the text, so that the garbage collector has little to scan.
type localTweet struct {
	author, at, version int64 // at is Unix time in nanoseconds
	text                string
	deleted             bool
	parent, parentOf    int64 // the tweet that it answers, and the author of that
}

// localTweets keeps tweets in the process. A tweet never changes, except that it may be deleted, which raises its version.
type localTweets struct {
	store *local.Store[int64, localTweet]
}

func newLocalTweets(tier *cache.Tier) (*localTweets, error) {
	s, err := local.New[int64](local.Config[localTweet]{Entity: "tweet", Typical: typicalText,
		MaxBytes: tier.Reserve(localParts, minKept, maxLocalBytes),
		Cost:     func(t localTweet) int { return len(t.text) }})
	return &localTweets{s}, err
}

// Get returns a new copy at each call.
func (n *localTweets) Get(id int64) (*tweets.Tweet, bool) {
	t, ok := n.store.Get(id)
	if !ok {
		return nil, false
	}
	return &tweets.Tweet{ID: ids.TweetID(id), AuthorID: t.author, Text: t.text, CreatedAt: time.Unix(0, t.at).UTC(),
		Deleted: t.deleted, Version: t.version, InReplyTo: t.parent, ParentAuthorID: t.parentOf}, true
}

// Put stores a tweet. It copies the text, which may be part of a larger string.
func (n *localTweets) Put(id int64, t *tweets.Tweet) {
	n.store.Put(id, localTweet{t.AuthorID, t.CreatedAt.UnixNano(), t.Version, strings.Clone(t.Text), t.Deleted,
		t.InReplyTo, t.ParentAuthorID})
}
