package rows

import (
	"context"

	"roost/domain/follows"
	"roost/domain/timelines"
	"roost/domain/tweets"
)

// HomeTweets returns by id the tweets that a viewer's home timeline shows now; the other posts are left out. It reads the
// tweets, and whether the viewer follows their authors, in one round trip.
func (s *Store) HomeTweets(ctx context.Context, viewerID int64, posts []timelines.Post) (map[int64]*tweets.Tweet, error) {
	if len(posts) == 0 {
		return nil, nil
	}
	edges, tweetIDs := make([]follows.Edge, len(posts)), make([]int64, len(posts))
	for i, p := range posts {
		edges[i], tweetIDs[i] = follows.Edge{FollowerID: viewerID, FolloweeID: p.AuthorID}, p.TweetID
	}
	following, found := s.Follows.Ask(edges), s.Tweets.Ask(tweetIDs)
	s.Answer(ctx, following.Request(), found.Request())
	shown := make(map[int64]*tweets.Tweet, len(posts))
	for i, p := range posts {
		follow, _, err := following.At(ctx, i)
		if err != nil {
			return nil, err
		}
		tweet, _, err := found.At(ctx, i)
		if err != nil {
			return nil, err
		}
		if t := timelines.NewRelation(viewerID, p.AuthorID, follow.Active).Shown(tweet); t != nil {
			shown[p.TweetID] = t
		}
	}
	return shown, nil
}
