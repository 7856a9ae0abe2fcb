package rows

import (
	"math/rand/v2"

	"roost/domain/reactions"
	"roost/events"
	"roost/internal/heat"
)

// readsPerSample is of how many reads of counts one is counted.
const readsPerSample = 64

// tweetCountsForm stores the numbers of likes, dislikes, retweets and replies. Nodes of the release before store two numbers.
//
// Only one of readsPerSample reads is counted, and counts for all of them, so that counting costs next to nothing.
func tweetCountsForm(c *reactions.Reactions, reads *heat.Meter) form[int64, *reactions.Counts] {
	return form[int64, *reactions.Counts]{
		name: "tweet_stats", ttl: rowTTL, absent: rowTTL, keys: tweetCountsKeys, rows: c.CountsOf,
		version: func(c *reactions.Counts) int64 { return int64(c.Revision) },
		seen: func(id int64, _ *reactions.Counts) {
			if rand.Uint32()%readsPerSample == 0 {
				reads.Add(readsPerSample, id)
			}
		},
		write: func(w *writer, c *reactions.Counts) {
			w.number(int64(c.LikeCount))
			w.number(int64(c.DislikeCount))
			w.number(int64(c.RetweetCount))
			w.number(int64(c.ReplyCount))
		},
		read: func(r *reader, id, version int64) *reactions.Counts {
			return reactions.CountsFrom(id, events.TweetCounts{Likes: r.number(), Dislikes: r.number(), Retweets: r.number(),
				Replies: r.number(), Revision: version})
		},
	}
}

func reactionForm(s *reactions.Reactions) form[reactions.Key, reactions.State] {
	return form[reactions.Key, reactions.State]{
		name: "reaction", ttl: rowTTL, absent: rowTTL, keys: reactionKeys, rows: s.ByKey,
		version: func(s reactions.State) int64 { return s.Version },
		write:   func(w *writer, s reactions.State) { w.number(int64(s.Kind)) },
		read: func(r *reader, _ reactions.Key, version int64) reactions.State {
			return reactions.State{Kind: reactions.Kind(r.number()), Version: version}
		},
	}
}

// reactedForm stores a list of reactions.MaxListed reactions in up to 2 KB.
func reactedForm(s *reactions.Reactions) form[int64, *reactions.List] {
	return form[int64, *reactions.List]{
		name: "reacted", ttl: rowTTL, absent: rowTTL, keys: reactedKeys, rows: s.Lists,
		version: func(l *reactions.List) int64 { return l.Version },
		write: func(w *writer, l *reactions.List) {
			w.number(l.CompleteFrom)
			w.ascending(l.Liked)
			w.ascending(l.Disliked)
		},
		read: func(r *reader, _, version int64) *reactions.List {
			return &reactions.List{CompleteFrom: r.number(), Liked: r.ascending(), Disliked: r.ascending(), Version: version}
		},
		weight: func(l *reactions.List) int { return 8*(len(l.Liked)+len(l.Disliked)) + typicalWeight },
	}
}
