package rows

import (
	"slices"

	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/ids"
)

func tweetForm(t *tweets.Tweets, keep localRows[int64, *tweets.Tweet]) form[int64, *tweets.Tweet] {
	return form[int64, *tweets.Tweet]{
		name: "tweet", ttl: rowTTL, absent: absentTTL, keys: tweetKeys, rows: t.ByID, local: keep,
		version: func(t *tweets.Tweet) int64 { return t.Version },
		write: func(w *writer, t *tweets.Tweet) {
			w.number(t.AuthorID)
			w.text(t.Text)
			w.time(t.CreatedAt)
			w.flag(t.Deleted)
		},
		read: func(r *reader, id, version int64) *tweets.Tweet {
			return &tweets.Tweet{ID: ids.TweetID(id), AuthorID: r.number(), Text: r.text(), CreatedAt: r.time(), Deleted: r.flag(), Version: version}
		},
	}
}

func tweetCountsForm(c *reactions.Reactions) form[int64, *reactions.Counts] {
	return form[int64, *reactions.Counts]{
		name: "tweet_stats", ttl: countTTL, absent: absentTTL, keys: tweetCountsKeys, rows: c.CountsOf,
		version: func(c *reactions.Counts) int64 { return int64(c.Revision) },
		write: func(w *writer, c *reactions.Counts) {
			w.number(int64(c.LikeCount))
			w.number(int64(c.DislikeCount))
		},
		read: func(r *reader, id, version int64) *reactions.Counts {
			return reactions.NewCounts(id, r.number(), r.number(), version)
		},
	}
}

func reactionForm(s *reactions.Reactions) form[reactions.Key, reactions.State] {
	return form[reactions.Key, reactions.State]{
		name: "reaction", ttl: rowTTL, absent: unrelatedTTL, keys: reactionKeys, rows: s.ByKey,
		version: func(s reactions.State) int64 { return s.Version },
		write:   func(w *writer, s reactions.State) { w.number(int64(s.Kind)) },
		read: func(r *reader, _ reactions.Key, version int64) reactions.State {
			return reactions.State{Kind: reactions.Kind(r.number()), Version: version}
		},
	}
}

func followForm(f *follows.Follows) form[follows.Edge, follows.State] {
	return form[follows.Edge, follows.State]{
		name: "follow", ttl: rowTTL, absent: unrelatedTTL, keys: followKeys, rows: f.Edges,
		version: func(s follows.State) int64 { return s.Version },
		write:   func(w *writer, s follows.State) { w.flag(s.Active) },
		read: func(r *reader, _ follows.Edge, version int64) follows.State {
			return follows.State{Active: r.flag(), Version: version}
		},
	}
}

// followedForm keeps lists of up to follows.MaxFollowing users, 35 KB: ids sorted, each as the difference from
// the one before.
func followedForm(t *timelines.Timelines) form[int64, *timelines.Followed] {
	return form[int64, *timelines.Followed]{
		name: "followed", ttl: rowTTL, absent: absentTTL, keys: followedKeys, rows: t.Followed,
		none:    "\x00", // follows nobody
		version: func(f *timelines.Followed) int64 { return f.Version },
		write: func(w *writer, f *timelines.Followed) {
			sorted := slices.Sorted(slices.Values(f.UserIDs))
			w.count(len(sorted))
			last := int64(0)
			for _, id := range sorted {
				w.number(id - last)
				last = id
			}
		},
		read: func(r *reader, _, version int64) *timelines.Followed {
			f := &timelines.Followed{Version: version}
			n, last := r.count(), int64(0)
			f.UserIDs = make([]int64, 0, n)
			for range n {
				last += r.number()
				f.UserIDs = append(f.UserIDs, last)
			}
			return f
		},
	}
}
