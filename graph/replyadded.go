package graph

import (
	"context"
	"math"
	"slices"
	"strconv"

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
	// waiting are to be sent.
	waiting []int64
	// If paging is true, the replies in the table that follow after are to be sent before the waiting ones, but for those among inLog,
	// which wait or were sent.
	paging bool
	after  int64
	inLog  map[int64]bool
}

// catchUp finds the replies up to a position that were not sent. In the log these are the ones behind the last one. If the log has no such
// event any more, they are those in the table that are younger than the last one and not in the log, and then all those in the log.
func (r *replyEvents) catchUp(ctx context.Context, upTo events.Position) error {
	r.waiting = nil
	for before := upTo.Seq() + 1; ; {
		entries, _, err := r.Log.Answers(ctx, r.tweet, before, answersRead)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			before = entry.Seq
			e, err := entry.Event()
			added, ok := e.(events.ReplyAdded)
			switch {
			case err != nil || !ok:
				continue
			case added.ReplyID == r.last, r.last == 0 && entry.Seq <= r.from:
				slices.Reverse(r.waiting)
				return nil
			}
			r.waiting = append(r.waiting, added.ReplyID)
		}
		if len(r.waiting) > maxMissed {
			const tooMany = "more than 10000 answers were posted since the cursor: read the answers again"
			return errs.New(errs.BadRequest, tooMany).Because(errs.ReasonBadCursor)
		}
		if len(entries) < answersRead {
			slices.Reverse(r.waiting)
			break
		}
	}
	if r.last != 0 {
		r.paging, r.after, r.inLog = true, r.last, make(map[int64]bool, len(r.waiting))
		for _, id := range r.waiting {
			r.inLog[id] = true
		}
	}
	return nil
}

// next returns the next reply that is visible.
func (r *replyEvents) next(ctx context.Context) (*model.TweetEdge, error) {
	for {
		id, err := r.take(ctx)
		if err != nil {
			return nil, err
		}
		r.last = id
		var found map[int64]*tweets.Tweet
		err = pullstream.Retry(ctx, func() (err error) {
			found, err = r.Sources.Rows.Tweets.Load(ctx, []int64{id})
			return err
		})
		if err != nil {
			return nil, err
		}
		if t := tweets.Visible(found[id]); t != nil {
			return &model.TweetEdge{Cursor: replyCursor(id), Node: model.TweetOf(t), Key: "reply " + strconv.FormatInt(id, 10)}, nil
		}
	}
}

// take returns the next reply, visible or not.
func (r *replyEvents) take(ctx context.Context) (int64, error) {
	for {
		if r.paging {
			id, ok, err := r.fromTable(ctx)
			if ok || err != nil {
				return id, err
			}
		}
		if len(r.waiting) > 0 {
			id := r.waiting[0]
			r.waiting = r.waiting[1:]
			return id, nil
		}
		if !r.sub.Ready(nil) {
			pullstream.Blocking(ctx)
		}
		got, err := r.sub.Next(ctx)
		if err == nil && got.Lost {
			err = pullstream.Retry(ctx, func() error { return r.catchUp(ctx, got.UpTo) })
		} else if err == nil {
			r.waiting = got.IDs
		}
		if err != nil {
			return 0, err
		}
	}
}

// fromTable returns the next reply in the table that is not in the log; ok is false at the end.
func (r *replyEvents) fromTable(ctx context.Context) (id int64, ok bool, err error) {
	for {
		w := cursors.Whole(repliesRead)
		w.Above = math.MaxInt64 - r.after
		k := sqldb.Key{Owner: r.tweet, Window: w, Kinds: uint8(tweets.Oldest)}
		err = pullstream.Retry(ctx, func() error {
			pages, err := r.Sources.Tweets.Replies(ctx, 0, []sqldb.Key{k})
			if err != nil {
				return err
			}
			ok = len(pages[k].Items) > 0
			for _, e := range pages[k].Items {
				if id = e.Item; !r.inLog[id] {
					return nil
				}
			}
			return nil
		})
		if err != nil || !ok {
			r.paging, r.inLog = err != nil, nil
			return 0, false, err
		}
		if r.after = id; !r.inLog[id] {
			return id, true, nil
		}
	}
}

// ready reports whether there is a reply to send; see pullstream.Source.
func (r *replyEvents) ready(wake func()) bool {
	return r.paging || len(r.waiting) > 0 || r.sub.Ready(wake)
}
