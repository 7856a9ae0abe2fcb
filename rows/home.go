package rows

import (
	"context"

	"roost/domain/timelines"
	"roost/domain/tweets"
)

// HomeTweets returns by id the tweets that a viewer's home timeline shows now; the other posts are left out. It reads the
// tweets and the list of those whom the viewer follows in one round trip.
func (s *Store) HomeTweets(ctx context.Context, viewerID int64, posts []timelines.Post) (map[int64]*tweets.Tweet, error) {
	if len(posts) == 0 {
		return nil, nil
	}
	tweetIDs := make([]int64, len(posts))
	for i, p := range posts {
		tweetIDs[i] = p.TweetID
	}
	following, found := s.Followed.Ask([]int64{viewerID}), s.Tweets.Ask(tweetIDs)
	s.Answer(ctx, following.Request(), found.Request())
	followed, _, err := following.At(ctx, 0)
	if err != nil {
		return nil, err
	}
	shown := make(map[int64]*tweets.Tweet, len(posts))
	for i, p := range posts {
		tweet, _, err := found.At(ctx, i)
		if err != nil {
			return nil, err
		}
		if t := timelines.NewRelation(viewerID, p.AuthorID, followed.Contains(p.AuthorID)).Shown(tweet); t != nil {
			shown[p.TweetID] = t
		}
	}
	return shown, nil
}
