package tweets

import (
	"context"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"

	"roost/ent"
	"roost/ent/backfill"
	"roost/ent/tweet"
	"roost/events"
	"roost/internal/ids"
	"roost/internal/lifecycle"
)

const (
	// fillEvery is how often HashtagFill looks for tweets when it has come to the end.
	fillEvery = time.Minute
	// fillBatch is how many tweets one transaction reads, fillTimeout how long it may take, and fillRest is the pause after it.
	fillBatch   = 500
	fillTimeout = 10 * time.Second
	fillRest    = 20 * time.Millisecond
	// fillFor is how long after its first start the fill ends: until then nodes of a release without hashtags may post tweets.
	fillFor = 24 * time.Hour
	// fillBehind is how old a tweet is when the fill comes to it, so that tweets with lower ids are committed.
	fillBehind = time.Minute
	// fillName is the key of the fill's row.
	fillName = "hashtags"
)

// HashtagFill stores the hashtags of tweets that nodes of a release without hashtags have posted. It goes through the tweets in the order
// of their ids, a batch in a transaction, and ends a day after its first start; a fill that was interrupted goes on. Any number may
// run at once: one of them works, and the others skip its turn. It is a lifecycle.Service.
type HashtagFill struct {
	lifecycle.Loop
	tweets *Tweets
	now    func() time.Time
}

// NewHashtagFill returns a fill of the tweets' database.
func NewHashtagFill(t *Tweets, now func() time.Time) *HashtagFill {
	f := &HashtagFill{tweets: t, now: now}
	poll := lifecycle.Poll{Look: func(ctx context.Context, _ bool) (bool, error) { return f.Step(ctx) }, Every: fillEvery, Retry: fillEvery,
		Rest: fillRest, Warning: "hashtags of older tweets were not stored"}
	f.Run = poll.Run
	return f
}

// Step works on the next batch of tweets, and reports whether there are more.
func (f *HashtagFill) Step(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	row, err := f.tweets.client.Backfill.Get(ctx, fillName)
	switch {
	case err == nil && row.Position >= row.Until:
		return false, nil
	case err != nil && !ent.IsNotFound(err):
		return false, fmt.Errorf("read how far hashtags are stored: %w", err)
	}
	err = f.tweets.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		more, err = f.batch(ctx, tx)
		return err
	})
	return more && err == nil, err
}

func (f *HashtagFill) batch(ctx context.Context, tx *events.Tx) (more bool, err error) {
	at, err := f.turn(ctx, tx)
	if at == nil {
		return false, err
	}
	until := min(at.Until, firstAt(f.now().Add(-fillBehind)))
	// The statement has no other condition, so that PostgreSQL reads a batch of the primary key and no more.
	rows, err := tx.Tweet.Query().Where(tweet.IDGT(at.Position)).Order(tweet.ByID()).Limit(fillBatch).
		Select(tweet.FieldID, tweet.FieldText, tweet.FieldDeletedAt).All(ctx)
	if err != nil {
		return false, fmt.Errorf("read tweets: %w", err)
	}
	next := max(until, at.Position)
	if more = len(rows) == fillBatch && rows[len(rows)-1].ID <= until; more {
		next = rows[len(rows)-1].ID
	}
	var all []TweetHashtag
	for _, r := range rows {
		if r.ID <= until && !deleted(r) {
			all = AppendHashtags(all, r.ID, r.Text)
		}
	}
	if err := f.tweets.addHashtags(ctx, tx, all); err != nil {
		return false, err
	}
	if err := tx.Backfill.UpdateOneID(fillName).SetPosition(next).Exec(ctx); err != nil {
		return false, fmt.Errorf("note how far hashtags are stored: %w", err)
	}
	return more, nil
}

// turn locks the row of the fill, which is made if there is none. It returns nil while another node has it.
func (f *HashtagFill) turn(ctx context.Context, tx *events.Tx) (*ent.Backfill, error) {
	_, err := tx.Client().ExecContext(ctx, "INSERT INTO backfills (name, position, until) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
		fillName, firstAt(f.now().Add(fillFor)))
	if err != nil {
		return nil, fmt.Errorf("begin to store hashtags: %w", err)
	}
	q := tx.Backfill.Query().Where(backfill.ID(fillName))
	if f.tweets.db.IsPostgres() {
		q.ForUpdate(entsql.WithLockAction(entsql.SkipLocked))
	}
	at, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return at, err
}

// firstAt is the lowest id of a time.
func firstAt(t time.Time) int64 { return ids.Compose(ids.Millis(t), 0, 0) }
