package imports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// kindLike is a reaction's kind.
const kindLike = 1

// likes reads likes.tsv.
type likes struct {
	*run
	rows []like
}

type like struct {
	tweet, user int64
	at          time.Time
}

func (l *likes) header() string { return "user_id\ttweet_id\tcreated_at" }

func (l *likes) begin(ctx context.Context) error {
	if err := l.loadUsers(ctx); err != nil {
		return err
	}
	return l.loadTweets(ctx)
}

func (l *likes) next() { l.rows = l.rows[:0] }

func (l *likes) line(_ context.Context, _ int64, line []byte) (bad string, err error) {
	var col [3][]byte
	if bad := columns(line, col[:]); bad != "" {
		return bad, nil
	}
	user, bad := l.user(col[0], "user_id")
	if bad != "" {
		return bad, nil
	}
	external, bad := externalID(col[1], "tweet_id")
	if bad != "" {
		return bad, nil
	}
	tweet, ok := l.tweets[external]
	if !ok {
		return fmt.Sprintf("tweet_id %d is not a tweet of this source", external), nil
	}
	at, bad := timestamp(string(col[2]), l.now)
	if bad != "" {
		return bad, nil
	}
	l.rows = append(l.rows, like{tweet, user, at})
	return "", nil
}

func (l *likes) write(ctx context.Context, c *chunk) error {
	// The first of equal lines counts.
	slices.SortStableFunc(l.rows, func(a, b like) int {
		return cmp.Or(cmp.Compare(a.tweet, b.tweet), cmp.Compare(a.user, b.user))
	})
	rows := slices.CompactFunc(slices.Clone(l.rows), func(a, b like) bool {
		return a.tweet == b.tweet && a.user == b.user
	})
	written, err := c.insert(ctx, intoReactions, len(rows), func(i int, col []any) {
		col[0], col[1], col[2], col[3] = rows[i].tweet, rows[i].user, int64(kindLike), rows[i].at
	})
	if err != nil {
		return err
	}
	c.inserted = int64(len(written) / 2)
	var liked, users []int64
	for pair := range slices.Chunk(written, 2) {
		liked, users = append(liked, pair[0]), append(users, pair[1])
	}
	// written is not in order on every database.
	slices.Sort(liked)
	var tweets, counts []int64
	for _, t := range liked {
		if n := len(tweets); n == 0 || tweets[n-1] != t {
			tweets, counts = append(tweets, t), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	_, err = c.insert(ctx, intoTweetStats, len(tweets), func(i int, col []any) {
		col[0], col[1], col[2] = tweets[i], counts[i], counts[i]
	})
	if err != nil || !c.DB.IsPostgres() { // SQLite has triggers for the lists
		return err
	}
	slices.Sort(users)
	users = slices.Compact(users)
	_, err = c.insert(ctx, intoReactionLists, len(users), func(i int, col []any) { col[0], col[1] = users[i], int64(2) })
	return err
}
