package rows

import "roost/domain/retweets"

func retweetForm(r *retweets.Retweets) form[retweets.Key, retweets.State] {
	return form[retweets.Key, retweets.State]{
		name: "retweet", ttl: rowTTL, absent: rowTTL, keys: retweetKeys, rows: r.ByKey,
		version: func(s retweets.State) int64 { return s.Version },
		write:   func(w *writer, s retweets.State) { w.number(s.SortKey) },
		read: func(r *reader, _ retweets.Key, version int64) retweets.State {
			return retweets.State{SortKey: r.number(), Version: version}
		},
	}
}

// retweetedForm stores a list of retweets.MaxListed retweets in up to 2 KB. Its version is that of the user's counts, which other
// changes raise as well without invalidating the list; see Store.wrote.
func retweetedForm(s *retweets.Retweets) form[int64, *retweets.List] {
	return form[int64, *retweets.List]{
		name: "retweeted", ttl: rowTTL, absent: rowTTL, keys: retweetedKeys, rows: s.Lists,
		none:    "\x00\x00", // has never retweeted
		version: func(l *retweets.List) int64 { return l.Version },
		write: func(w *writer, l *retweets.List) {
			w.number(l.CompleteFrom)
			w.ascending(l.TweetIDs)
		},
		read: func(r *reader, _, version int64) *retweets.List {
			return &retweets.List{CompleteFrom: r.number(), TweetIDs: r.ascending(), Version: version}
		},
		weight: func(l *retweets.List) int { return 8*len(l.TweetIDs) + typicalWeight },
	}
}
