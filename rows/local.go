package rows

import (
	"strings"
	"time"

	"roost/cache/local"
	"roost/domain/tweets"
	"roost/internal/ids"
)

const (
	// nearBytes is how much a process keeps of tweets: some 80,000 of them.
	localBytes = 16 << 20
	// typicalText is the length that most tweets stay below, in bytes.
	typicalText = 115
)

// nearTweet is a tweet without pointers but that to its text, so that the garbage collector has little to look at.
type localTweet struct {
	author, at, version int64 // at is Unix time in nanoseconds
	text                string
	deleted             bool
}

// nearTweets keep tweets in the process: nothing of them changes but that they are deleted, which is another
// version.
type localTweets struct {
	store *local.Store[int64, localTweet]
}

func newLocalTweets() (*localTweets, error) {
	s, err := local.New[int64](local.Config[localTweet]{Entity: "tweet", MaxBytes: localBytes, Typical: typicalText,
		Cost: func(t localTweet) int { return len(t.text) }})
	return &localTweets{s}, err
}

// Get gives a tweet of its own for each call.
func (n *localTweets) Get(id int64) (*tweets.Tweet, bool) {
	t, ok := n.store.Get(id)
	if !ok {
		return nil, false
	}
	return &tweets.Tweet{ID: ids.TweetID(id), AuthorID: t.author, Text: t.text, CreatedAt: time.Unix(0, t.at).UTC(),
		Deleted: t.deleted, Ver: t.version}, true
}

// Put keeps a tweet, with a copy of its text, which may be part of something larger.
func (n *localTweets) Put(id int64, t *tweets.Tweet) {
	n.store.Put(id, localTweet{t.AuthorID, t.CreatedAt.UnixNano(), t.Ver, strings.Clone(t.Text), t.Deleted})
}
