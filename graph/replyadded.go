package graph

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"roost/domain/tweets"
	"roost/events"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/pullstream"
	"roost/internal/sqldb"
	"roost/live"
)

// ReplyAdded first sends the replies since `after`, then those that follow. It has its steps in one place because their order matters: it
// subscribes before it catches up, so no reply falls between the two.
func (s subscriptions) ReplyAdded(ctx context.Context, tweetID string, after *string) (<-chan *model.TweetEdge, error) {
	id, ok := ids.Tweet(tweetID)
	if !ok {
		return nil, errs.New(errs.BadRequest, "an id does not name a tweet")
	}
	r := &replyEvents{subscriptions: s, tweet: id, sub: s.Hub.SubscribeReplies(id)}
	r.from = r.sub.From.Seq()
	var err error
	var from string
	if after = pullstream.After(ctx, after); after != nil {
		from = *after
		if r.last, err = replyAt(from); err == nil {
			err = r.catchUp(ctx, r.sub.From)
		}
	}
	if err != nil {
		r.sub.Close()
		return nil, err
	}
	return stream(ctx, "replyAdded", pullstream.Source[*model.TweetEdge]{Next: r.next, Ready: r.ready, From: from, End: r.sub.Close}), nil
}

// replyAt returns the reply to which a cursor in the order OLDEST belongs.
func replyAt(cursor string) (int64, error) {
	key, err := cursors.Decode(cursors.Oldest, cursor)
	return math.MaxInt64 - key, err
}

func replyCursor(replyID int64) string { return cursors.Encode(cursors.Oldest, math.MaxInt64-replyID) }

const (
	// maxMissed is the most replies in the log that a subscription to replies catches up on.
	maxMissed = 10_000
	// answersRead is how many of them one statement reads, and repliesRead how many replies one that reads the table.
	answersRead = 500
	repliesRead = 100
)

// replyEvents are the replies to one tweet, in the order of the log.
type replyEvents struct {
	subscriptions
	tweet int64
	sub   *live.ReplySubscription
	// last is the reply that was sent last, or that `after` names; 0 for neither: then the replies behind the seq from are to be sent.
	last, from int64
	// waiting are to be sent. rows has the first of them, as of the time at.
	waiting []int64
	rows    map[int64]*tweets.Tweet
	at      time.Time
	// If paging is true, the replies in the table that follow after are to be sent next, a page at a time, without those in the log, and
	// those in the log afterwards.
	paging bool
	after  int64
	inLog  []int64
}

// catchUp finds the replies up to a position that were not sent. In the log these are the ones behind the last one. If the log has no such
// event any more, they are those in the table that are younger than the last one and not in the log, and then all those in the log.
func (r *replyEvents) catchUp(ctx context.Context, upTo events.Position) error {
	missed, reached, err := r.missed(ctx, upTo)
	if err != nil {
		return err
	}
	if reached || r.last == 0 {
		r.waiting = missed
	} else {
		r.paging, r.after, r.inLog = true, r.last, missed
	}
	return nil
}

// missed returns the replies in the log behind the last one, oldest first. reached is false if the log does not have the last one.
func (r *replyEvents) missed(ctx context.Context, upTo events.Position) (missed []int64, reached bool, err error) {
	for before := upTo.Seq() + 1; ; {
		entries, err := r.Log.Answers(ctx, r.tweet, before, answersRead)
		if err != nil {
			return nil, false, err
		}
		for _, entry := range entries {
			before = entry.Seq
			e, err := entry.Event()
			added, ok := e.(events.ReplyAdded)
			if err != nil || !ok {
				continue // it cannot be sent
			}
			if added.ReplyID == r.last || r.last == 0 && entry.Seq <= r.from {
				slices.Reverse(missed)
				return missed, true, nil
			}
			missed = append(missed, added.ReplyID)
		}
		if len(missed) > maxMissed {
			const tooMany = "more than 10000 answers were posted since the cursor: read the answers again"
			return nil, false, errs.New(errs.BadRequest, tooMany).Because(errs.ReasonBadCursor)
		}
		if len(entries) < answersRead {
			slices.Reverse(missed)
			return missed, false, nil
		}
	}
}

// next returns the next reply that is visible. Visibility is decided for many replies at once, and again while the client is slow.
func (r *replyEvents) next(ctx context.Context) (*model.TweetEdge, error) {
	for {
		if len(r.waiting) == 0 {
			if err := r.more(ctx); err != nil {
				return nil, err
			}
			continue
		}
		id := r.waiting[0]
		if _, read := r.rows[id]; !read || time.Since(r.at) > checkedFor {
			if err := pullstream.Retry(ctx, func() error { return r.read(ctx) }); err != nil {
				return nil, err
			}
		}
		t := tweets.Visible(r.rows[id])
		if r.last, r.waiting = id, r.waiting[1:]; len(r.waiting) == 0 {
			r.waiting, r.rows = nil, nil // frees the memory: the next reply may come much later
		}
		if t != nil {
			return &model.TweetEdge{Cursor: replyCursor(id), Node: model.TweetOf(t), Key: "reply " + strconv.FormatInt(id, 10)}, nil
		}
	}
}

// read reads the first of the waiting replies.
func (r *replyEvents) read(ctx context.Context) error {
	first := r.waiting[:min(len(r.waiting), maxChecked)]
	at := time.Now()
	found, err := r.Sources.Rows.Tweets.Load(ctx, first)
	if err != nil {
		return err
	}
	r.rows, r.at = make(map[int64]*tweets.Tweet, len(first)), at
	for _, id := range first {
		r.rows[id] = found[id]
	}
	return nil
}

// more finds replies that are to be sent, and waits for them if there are none.
func (r *replyEvents) more(ctx context.Context) error {
	if r.paging {
		return pullstream.Retry(ctx, func() error { return r.fromTable(ctx) })
	}
	if !r.sub.Ready(nil) {
		pullstream.Blocking(ctx)
	}
	got, err := r.sub.Next(ctx)
	if err == nil && got.Lost {
		return pullstream.Retry(ctx, func() error { return r.catchUp(ctx, got.UpTo) })
	}
	r.waiting = got.IDs
	return err
}

// fromTable reads the next page of replies from the table. At the end those in the log follow.
func (r *replyEvents) fromTable(ctx context.Context) error {
	w := cursors.Whole(repliesRead)
	w.Above = math.MaxInt64 - r.after
	k := sqldb.Key{Owner: r.tweet, Window: w, Kinds: uint8(tweets.Oldest)}
	pages, err := r.Sources.Tweets.Replies(ctx, 0, []sqldb.Key{k})
	if err != nil {
		return err
	}
	items := pages[k].Items
	if len(items) == 0 {
		r.waiting, r.inLog, r.paging = r.inLog, nil, false
		return nil
	}
	for _, e := range items {
		if r.after = e.Item; !slices.Contains(r.inLog, e.Item) {
			r.waiting = append(r.waiting, e.Item)
		}
	}
	return nil
}

// ready reports whether there is a reply to send; see pullstream.Source.
func (r *replyEvents) ready(wake func()) bool {
	return r.paging || len(r.waiting) > 0 || r.sub.Ready(wake)
}
