package tweets

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"roost/ent"
	"roost/ent/tweet"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// maxAhead is how far the id of a tweet may be ahead of this node's clock for the tweet to be answered or retweeted.
const maxAhead = time.Minute

// NextID returns a new id that is higher than that of a tweet, also if the node that posted the tweet has a clock that is ahead; 0 is no
// tweet. The tweet's id may come from a client, so the tweet is looked up before ids of this node continue behind it: the error is
// NoSuchTweet if it is not visible. A tweet that is further ahead than a minute is refused as UNAVAILABLE until its time comes: its id
// would spoil the clock of this node.
func NextID(ctx context.Context, client *ent.Client, gen *ids.Generator, tweetID int64) (int64, error) {
	id, err := gen.Next(ctx)
	if err != nil || id > tweetID {
		return id, err
	}
	visible, err := client.Tweet.Query().Where(tweet.ID(tweetID), IsVisible()).Exist(ctx)
	if err != nil {
		return 0, fmt.Errorf("look up the tweet: %w", err)
	}
	if !visible {
		return 0, NoSuchTweet()
	}
	if ahead := ids.Time(tweetID).Sub(ids.Time(id)); ahead > maxAhead {
		return 0, &errs.Error{Kind: errs.Unavailable, Message: "the time of this tweet has not come yet, try again", RetryAfter: ahead}
	}
	return gen.After(ctx, tweetID)
}

// NoSuchParent returns the refusal of a field "inReplyTo" that names no tweet, or one that is not visible.
func NoSuchParent() *errs.Error {
	return errs.New(errs.NotFound, "there is no such tweet to answer", "inReplyTo")
}

// settledAfter is how long after the time of its id a tweet is visible on each node for certain: much longer than a request may take, and
// longer than a node goes on with copies that it has not confirmed; see docs/consistency.md.
const settledAfter = time.Minute

// answer finds the parent of a reply, counts the reply there, and emits that.
//
// Nobody may see a reply without its parent. So the copies that lack a parent which was posted just now are dropped before the reply is
// committed: the node that has posted the parent may not have done that yet.
func answer(ctx context.Context, tx *events.Tx, t *Tweet) error {
	err := sqldb.ScanOne(ctx, tx.Client(), "SELECT author_id FROM tweets WHERE id = $1 AND "+VisibleSQL, []any{t.InReplyTo},
		&t.ParentAuthorID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return NoSuchParent()
	case err != nil:
		return fmt.Errorf("look up the tweet to answer: %w", err)
	}
	if tx.Now.Sub(ids.Time(t.InReplyTo)) < settledAfter {
		tx.Relies(events.TweetPosted{TweetID: t.InReplyTo, AuthorID: t.ParentAuthorID})
	}
	if err := countReply(ctx, tx, t.InReplyTo, 1); err != nil {
		return err
	}
	tx.Emit(events.ReplyAdded{TweetID: t.InReplyTo, ReplyID: int64(t.ID), AuthorID: t.AuthorID})
	return nil
}

// countReply adds to the replies of a tweet, as a delta, so that nobody waits for the counts of a tweet that many answer.
func countReply(ctx context.Context, tx *events.Tx, tweetID, by int64) error {
	_, err := tx.Client().ExecContext(ctx, `INSERT INTO reaction_deltas (tweet_id, likes, dislikes, changes, replies)
		VALUES ($1, 0, 0, 1, $2)`, tweetID, by)
	if err != nil {
		return fmt.Errorf("count the reply: %w", err)
	}
	return nil
}
