package rows

import (
	"context"
	"errors"

	"roost/domain/timelines"
	"roost/domain/tweets"
)

// HomeTweets returns the tweets of the posts that a viewer's home timeline shows now; the other posts are left out. It reads the
// tweets and the list of those whom the viewer follows in one round trip.
func (s *Store) HomeTweets(ctx context.Context, viewerID int64, posts []timelines.Post,
) (map[timelines.Post]*tweets.Tweet, error) {
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
	shown := make(map[timelines.Post]*tweets.Tweet, len(posts))
	for i, p := range posts {
		tweet, _, err := found.At(ctx, i)
		if err != nil {
			return nil, err
		}
		if t := timelines.Shown(viewerID, p, followed, tweet, &s.suspended); t != nil {
			shown[p] = t
		}
	}
	return shown, nil
}

// DropHome removes the cached rows from which a viewer's home timeline is made: the list of those whom the viewer follows, the lists of
// authors, tweets, and the prepared timeline. It also forgets the list that is kept for the viewer, and which tweets were read as
// deleted. That is safe at any time, as eviction does the same. On an error some rows may remain cached until their time to live ends.
func (s *Store) DropHome(ctx context.Context, viewerID int64, authors, tweetIDs []int64) error {
	keys := append(make([]string, 0, 1+len(authors)+len(tweetIDs)), followedKeys.of(viewerID))
	for _, id := range authors {
		keys = append(keys, authorListKeys.of(id))
	}
	for _, id := range tweetIDs {
		keys = append(keys, tweetKeys.of(id))
	}
	err := s.tier.Drop(ctx, keys...)
	if s.prepared != nil {
		err = errors.Join(err, s.prepared.lists.Drop(ctx, viewerID))
	}
	s.home.gone.forget()
	s.home.kept.Put(viewerID, homeList{}) // which has ended
	return err
}
