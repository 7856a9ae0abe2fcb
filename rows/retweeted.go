package rows

import "roost/domain/retweets"

// retweetedLists are the retweets of viewers.
type retweetedLists = viewerLists[retweets.List, retweets.Key, retweets.State, bool]

// RetweetsQuestion is whether one viewer retweets some tweets.
type RetweetsQuestion = ViewerQuestion[retweets.List, retweets.Key, retweets.State, bool]

func newRetweetedLists(lists *Entity[int64, *retweets.List], single *Entity[retweets.Key, retweets.State]) (*retweetedLists, error) {
	return newViewerLists("retweeted", lists, single, viewerListRules[retweets.List, retweets.Key, retweets.State, bool]{
		none:   &retweets.List{}, // has never retweeted
		from:   func(l *retweets.List) int64 { return l.CompleteFrom },
		listed: (*retweets.List).Has,
		key:    func(tweetID, viewerID int64) retweets.Key { return retweets.Key{TweetID: tweetID, UserID: viewerID} },
		alone:  func(s retweets.State) bool { return s.SortKey != 0 },
	})
}

// AskRetweets returns a question about the retweets of a viewer, which is 0 without a session. known is the viewer's list, if the same
// operation has read it already, otherwise nil. AskRetweets does not read anything.
func (s *Store) AskRetweets(viewerID int64, tweetIDs []int64, known *retweets.List) *RetweetsQuestion {
	return s.retweeted.ask(viewerID, tweetIDs, known, true)
}
