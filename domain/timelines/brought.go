package timelines

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"roost/domain/suspensions"
	"roost/internal/sqldb"
)

// Brought is what brings a tweet into a home timeline that does not contain its author's tweets: the earliest of the active retweets by
// users whose entries the timeline contains. SortKey is 0 if there is none.
type Brought struct {
	SortKey, UserID int64
	// Others reports whether other such users retweet the tweet, or have ever retweeted it.
	Others bool
}

// Parts returns what a change of a tweet's retweets does to a home timeline that contains the entries of the change's user and not those of
// the tweet's author. now is what brings the tweet there now, and may be newer than the change. If it is newer, the parts of later changes
// lead to the same end.
//
//   - The first retweet adds an entry. If somebody else has retweeted the tweet, the entry may be at that retweet: it may have ended since
//     the change, or have the higher sort key although it was committed earlier. So the entry is removed and added again. A later retweet
//     changes nothing.
//   - The end of the earliest retweet removes the entry, and adds it again at the next retweet, if there is one.
func (c HomeChange) Parts(now Brought) []HomeChange {
	added := HomeChange{Kind: EntryAdded, TweetID: c.TweetID, AuthorID: c.AuthorID, UserID: now.UserID, SortKey: now.SortKey}
	removed := HomeChange{Kind: EntryRemoved, TweetID: c.TweetID, AuthorID: c.AuthorID}
	switch {
	case c.Kind == Retweeted && now.SortKey != c.SortKey:
		return nil
	case c.Kind == Retweeted && now.Others:
		return []HomeChange{removed, added}
	case c.Kind == Retweeted:
		return []HomeChange{added}
	case now.SortKey == 0:
		return []HomeChange{removed}
	case now.SortKey < c.SortKey:
		return nil
	default:
		return []HomeChange{removed, added}
	}
}

// Brought returns for each viewer what brings a tweet into the viewer's home timeline, whether or not the timeline contains the tweets of
// its author. Viewers to whom nothing brings it are left out. It runs one statement for every audienceChunk viewers.
func (t *Timelines) Brought(ctx context.Context, tweetID int64, viewers []int64) (map[int64]Brought, error) {
	out := map[int64]Brought{}
	for chunk := range slices.Chunk(viewers, audienceChunk) {
		// The two parts are Relation.InHome. EXISTS ends the statement at once for most tweets, which have never been retweeted.
		err := t.readBrought(ctx, out, `SELECT f.follower_id AS k, r.user_id, r.sort_key, r.active FROM retweets AS r
				JOIN follows AS f ON f.followee_id = r.user_id AND f.active
				WHERE r.tweet_id = $1 AND `+t.db.Member("f.follower_id", "$2")+` AND EXISTS (SELECT 1 FROM retweets WHERE tweet_id = $1)
				AND `+suspensions.NotSuspended("r.user_id")+`
			UNION ALL SELECT r.user_id, r.user_id, r.sort_key, r.active FROM retweets AS r
				WHERE r.tweet_id = $1 AND `+t.db.Member("r.user_id", "$2")+` AND `+suspensions.NotSuspended("r.user_id"), tweetID, t.db.List(chunk))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// BroughtBy returns for each tweet what brings it into the home timeline that contains the entries of some authors. Tweets that nothing
// brings there are left out. It runs one statement for every audienceChunk tweets.
func (t *Timelines) BroughtBy(ctx context.Context, authors, tweetIDs []int64) (map[int64]Brought, error) {
	out := map[int64]Brought{}
	for chunk := range slices.Chunk(tweetIDs, audienceChunk) {
		err := t.readBrought(ctx, out, `SELECT r.tweet_id AS k, r.user_id, r.sort_key, r.active FROM retweets AS r
			WHERE `+t.db.Member("r.tweet_id", "$1")+` AND r.user_id IN (SELECT id FROM `+t.db.Rows("$2", "a")+`)`,
			t.db.List(chunk), t.db.List(authors))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readBrought reads the first of the active retweets of each key.
func (t *Timelines) readBrought(ctx context.Context, to map[int64]Brought, retweets string, args ...any) error {
	first := "user_id" // which SQLite takes of the row with the lowest sort key
	if t.db.IsPostgres() {
		first = "(min(CASE WHEN active THEN ARRAY[sort_key, user_id] END))[2]"
	}
	type row struct {
		key, count    int64
		sortKey, user sql.NullInt64
	}
	rows, err := sqldb.ScanAll(ctx, t.db, `SELECT k, min(CASE WHEN active THEN sort_key END), `+first+`, count(*)
		FROM (`+retweets+`) AS b GROUP BY k`, args,
		func(r *row) []any { return []any{&r.key, &r.sortKey, &r.user, &r.count} })
	if err != nil {
		return fmt.Errorf("read who brings tweets into home timelines: %w", err)
	}
	for _, r := range rows {
		if r.sortKey.Valid {
			to[r.key] = Brought{r.sortKey.Int64, r.user.Int64, r.count > 1}
		}
	}
	return nil
}
