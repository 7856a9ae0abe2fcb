package events

import (
	"context"
	"log/slog"
	"time"
)

// TweetCounts are the counts of a tweet. Of two TweetCounts of one tweet the one with the higher Revision is newer.
type TweetCounts struct{ Likes, Dislikes, Retweets, Replies, Revision int64 }

// Counter reads the counts of tweets in one statement, which sees everything that is committed. Tweets whose counts have never changed
// may be left out.
type Counter func(ctx context.Context, tweetIDs []int64) (map[int64]TweetCounts, error)

// SetCounter sets what reads the counts of tweets after a commit that has changed them. It must be called before the first Write.
func (l *Log) SetCounter(c Counter) { l.counter = c }

// counted is embedded in events that change the counts of the tweet which is their aggregate. Other transactions may change them at the
// same time, so the counts that result are read after the commit, and are not stored.
type counted struct{ counts *TweetCounts }

// Counts returns the tweet's counts, or newer ones. They are known only in the process that has committed the event, and nil elsewhere, or
// if they could not be read.
func (c counted) Counts() *TweetCounts { return c.counts }

// recounted is an event with counted.
type recounted interface {
	Event
	Counts() *TweetCounts
	WithCounts(now *TweetCounts) Event
}

// CountsAfter returns the counts of the tweet that an event has changed, or newer ones. It returns nil if the process does not have them.
func CountsAfter(e Event) *TweetCounts {
	if r, ok := e.(recounted); ok {
		return r.Counts()
	}
	return nil
}

// countTimeout bounds the reading of counts after a commit.
const countTimeout = time.Second

// count reads the counts that a committed transaction has changed, in one statement, and adds them to its events. Without them the
// cache reads them itself.
func (l *Log) count(ctx context.Context, all []Event) {
	var tweets []int64
	for _, e := range all {
		if _, ok := e.(recounted); ok {
			tweets = append(tweets, e.Aggregate())
		}
	}
	if len(tweets) == 0 || l.counter == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTimeout)
	defer cancel()
	now, err := l.counter(ctx, tweets)
	if err != nil {
		slog.DebugContext(ctx, "the counts of tweets could not be read after a change", "error", err)
		return
	}
	for i, e := range all {
		if r, ok := e.(recounted); ok {
			c := now[e.Aggregate()]
			all[i] = r.WithCounts(&c)
		}
	}
}

// Counts returns the counts of a tweet that the transaction has changed, once Write has returned. They are nil if they could not be read.
func (t *Tx) Counts(tweetID int64) *TweetCounts {
	for _, e := range t.events {
		if r, ok := e.(recounted); ok && e.Aggregate() == tweetID {
			return r.Counts()
		}
	}
	return nil
}
