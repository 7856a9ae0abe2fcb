package rows

import (
	"context"

	"roost/domain/timelines"
	"roost/domain/tweets"
)

// HomeTweets returns by id the tweets that a viewer's home timeline shows now; the other posts are left out. It reads the
// tweets, and whether the viewer follows their authors, in one round trip.
func (s *Store) HomeTweets(ctx context.Context, viewerID int64, posts []timelines.Post) (map[int64]*tweets.Tweet, error) {
	if len(posts) == 0 {
		return nil, nil
	}
	authorIDs, tweetIDs := make([]int64, len(posts)), make([]int64, len(posts))
	for i, p := range posts {
		authorIDs[i], tweetIDs[i] = p.AuthorID, p.TweetID
	}
	following, found := s.AskFollowing(viewerID, authorIDs), s.Tweets.Ask(tweetIDs)
	s.Answer(ctx, following.Request(), found.Request())
	shown := make(map[int64]*tweets.Tweet, len(posts))
	for i, p := range posts {
		follows, err := following.At(ctx, p.AuthorID)
		if err != nil {
			return nil, err
		}
		tweet, _, err := found.At(ctx, i)
		if err != nil {
			return nil, err
		}
		if t := timelines.NewRelation(viewerID, p.AuthorID, follows).Shown(tweet); t != nil {
			shown[p.TweetID] = t
		}
	}
	return shown, nil
}
