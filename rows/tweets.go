package rows

import (
	"roost/domain/tweets"
	"roost/internal/ids"
)

func tweetForm(t *tweets.Tweets, keep localRows[int64, *tweets.Tweet], gone *goneTweets) form[int64, *tweets.Tweet] {
	return form[int64, *tweets.Tweet]{
		name: "tweet", ttl: rowTTL, absent: absentTTL, keys: tweetKeys, rows: t.ByID, local: keep,
		version: func(t *tweets.Tweet) int64 { return t.Version },
		seen: func(id int64, t *tweets.Tweet) {
			if t.Deleted {
				gone.note(id)
			}
		},
		write: func(w *writer, t *tweets.Tweet) {
			w.number(t.AuthorID)
			w.text(t.Text)
			w.time(t.CreatedAt)
			w.flag(t.Deleted)
			w.number(t.InReplyTo)
			w.number(t.ParentAuthorID)
		},
		read: func(r *reader, id, version int64) *tweets.Tweet {
			return &tweets.Tweet{ID: ids.TweetID(id), AuthorID: r.number(), Text: r.text(), CreatedAt: r.time(), Deleted: r.flag(),
				InReplyTo: r.number(), ParentAuthorID: r.number(), Version: version}
		},
	}
}
