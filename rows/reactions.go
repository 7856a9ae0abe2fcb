package rows

import (
	"math/rand/v2"

	"roost/domain/reactions"
	"roost/internal/heat"
)

// readsPerSample is of how many reads of counts one is counted.
const readsPerSample = 64

// withRetweets marks the stored counts of a tweet that hold its number of retweets.
const withRetweets = 1 << 32

// tweetCountsForm stores two numbers: the likes with the number of retweets above their 32 bits, and the dislikes with a mark above
// theirs. Nodes of the previous release store likes and dislikes alone, and use 32 bits of each number that they read. So they can read
// this form, and what they have stored lacks the mark: it is treated as damaged and not as counts without retweets.
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
			w.number(int64(c.RetweetCount)<<32 | int64(uint32(c.LikeCount)))
			w.number(withRetweets | int64(uint32(c.DislikeCount)))
		},
		read: func(r *reader, id, version int64) *reactions.Counts {
			likes, dislikes := r.number(), r.number()
			if dislikes>>32 != withRetweets>>32 {
				r.fail()
			}
			return reactions.NewCounts(id, likes, dislikes, likes>>32, version)
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
