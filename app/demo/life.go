package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"roost/domain/tweets"
	"roost/ent"
	"roost/ent/tweet"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// Actions are the writes of the people in the demo world. The rules for all users apply to them.
type Actions interface {
	// Tweet posts a tweet, a reply if inReplyTo is not 0.
	Tweet(ctx context.Context, authorID, inReplyTo int64, text string) (tweetID int64, err error)
	Delete(ctx context.Context, authorID, tweetID int64) error
	// React sets a reaction: 0 none, 1 like, 2 dislike.
	React(ctx context.Context, userID, tweetID int64, kind int8) error
	Retweet(ctx context.Context, userID, tweetID int64) error
}

// DefaultKeep is the most tweets of Life that exist at a time.
const DefaultKeep = 500

// Pace of Life, in ticks.
const (
	tick         = time.Second
	tweetAfter   = 4 // at least; at most twice that
	retweetAfter = 6 // as above
	// recent is how many of the newest tweets are reacted to or retweeted.
	recent = 40
)

// LifeOptions of Life. World, Client and Actions are needed.
type LifeOptions struct {
	World   *World
	Client  *ent.Client
	Actions Actions
	// Idle reports whether nobody uses the node; Life then does nothing. Nil means never.
	Idle func() bool
	// Failed is called with errors, each of which skips one action. Nil ignores them.
	Failed func(error)
	// Keep bounds the tweets of Life, the oldest of which are deleted when there is one more; 0 is DefaultKeep.
	Keep int
	// Ticks drives Life; nil is once a second.
	Ticks <-chan time.Time
}

// Life makes the people of the demo world tweet or answer each other every 4 to 8 ticks, retweet every 6 to 12, and react on every tick.
// Every two to four minutes there is a moment of heat, see heat. The visitor's account does none of it. Life is a lifecycle.Service.
type Life struct {
	lifecycle.Loop
	o      LifeOptions
	random *rand.Rand

	// own are the existing tweets of Life, oldest first.
	own []ref
	// fresh are the newest tweets of all users, newest first.
	fresh []ref
	talk  talk
	heat  *heat // nil between moments of heat
	// wait, retweetWait and heatWait are the numbers of ticks until the next tweet, retweet and moment of heat.
	wait, retweetWait, heatWait int
}

type ref struct{ id, author int64 }

// NewLife returns the Life of a demo world.
func NewLife(o LifeOptions) *Life {
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.Idle == nil {
		o.Idle = func() bool { return false }
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	l := &Life{o: o, random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), wait: tweetAfter, heatWait: firstHeatAfter}
	l.talk = newTalk(l.random, o.World.ids)
	l.Run = l.live
	return l
}

func (l *Life) live(ctx context.Context) {
	ticks := l.o.Ticks
	if ticks == nil {
		t := time.NewTicker(tick)
		defer t.Stop()
		ticks = t.C
	}
	if err := l.remember(ctx); err != nil {
		l.fail(ctx, err)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if !l.o.Idle() {
				l.boundedStep(ctx)
			}
		}
	}
}

// stepTimeout bounds a step. One that has begun is not given up half done at the end.
const stepTimeout = 5 * time.Second

func (l *Life) boundedStep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	l.step(ctx)
}

// fail reports an error, unless Life is being stopped.
func (l *Life) fail(ctx context.Context, err error) {
	if ctx.Err() == nil {
		l.o.Failed(fmt.Errorf("demo: %w", err))
	}
}

// remember finds the tweets of earlier runs: those with a text of Life that were not imported.
func (l *Life) remember(ctx context.Context) error {
	rows, err := l.o.Client.Tweet.Query().Where(sqldb.In(tweet.FieldAuthorID, l.o.World.Others), tweets.IsVisible()).
		Order(ent.Asc(tweet.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("read tweets: %w", err)
	}
	known := l.talk.texts()
	for _, row := range rows {
		if known[row.Text] && !imported(row.ID) {
			l.own = append(l.own, ref{row.ID, row.AuthorID})
		}
	}
	return nil
}

// step does the work of one tick.
func (l *Life) step(ctx context.Context) {
	do := func(action func(ctx context.Context) error) {
		if err := action(ctx); err != nil {
			l.fail(ctx, err)
		}
	}
	if l.wait--; l.wait <= 0 || len(l.fresh) == 0 {
		l.wait = tweetAfter + l.random.IntN(tweetAfter+1)
		do(l.say)
		do(l.look)
	}
	do(l.react)
	if l.retweetWait--; l.retweetWait <= 0 {
		l.retweetWait = retweetAfter + l.random.IntN(retweetAfter+1)
		do(l.retweet)
	}
	do(l.glow)
}

// say posts the next tweet of somebody: an answer in a conversation that goes on, or a beginning.
func (l *Life) say(ctx context.Context) error {
	next := l.talk.next()
	if next.author == anybody {
		next.authorID = l.someone()
	}
	_, err := l.tweet(ctx, next)
	return err
}

// tweet posts a tweet, then deletes the oldest tweets of Life beyond Keep. It returns 0 if the tweet that it answers is gone, which ends
// the conversation.
func (l *Life) tweet(ctx context.Context, t utterance) (int64, error) {
	id, err := l.o.Actions.Tweet(ctx, t.authorID, t.inReplyTo, t.text)
	if err != nil {
		l.talk.end(t.of)
		if t.inReplyTo != 0 && errs.Is(err, errs.NotFound) {
			return 0, nil
		}
		return 0, fmt.Errorf("tweet: %w", err)
	}
	t.said(id)
	l.own = append(l.own, ref{id, t.authorID})
	for len(l.own) > l.o.Keep {
		oldest := l.own[0]
		l.own = l.own[1:]
		err := l.o.Actions.Delete(ctx, oldest.author, oldest.id)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return id, fmt.Errorf("delete a tweet: %w", err)
		}
	}
	return id, nil
}

// look reads which tweets are the newest, the visitor's among them.
func (l *Life) look(ctx context.Context) error {
	rows, err := l.o.Client.Tweet.Query().Where(tweets.IsVisible()).Order(ent.Desc(tweet.FieldID)).Limit(recent).All(ctx)
	if err != nil {
		return fmt.Errorf("read tweets: %w", err)
	}
	l.fresh = l.fresh[:0]
	for _, row := range rows {
		l.fresh = append(l.fresh, ref{row.ID, row.AuthorID})
	}
	return nil
}

// react makes somebody react to a recent tweet.
func (l *Life) react(ctx context.Context) error {
	if len(l.fresh) == 0 {
		return nil
	}
	kind := int8(kindLike)
	switch l.random.IntN(12) {
	case 0:
		kind = 0
	case 1:
		kind = kindDislike
	}
	return l.reactTo(ctx, l.someone(), l.recentTweet(), kind)
}

func (l *Life) reactTo(ctx context.Context, user, tweet int64, kind int8) error {
	err := l.o.Actions.React(ctx, user, tweet, kind)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return fmt.Errorf("react: %w", err)
	}
	return nil
}

// retweet makes somebody retweet a recent tweet.
func (l *Life) retweet(ctx context.Context) error {
	if len(l.fresh) == 0 {
		return nil
	}
	return l.retweetOf(ctx, l.someone(), l.recentTweet())
}

func (l *Life) retweetOf(ctx context.Context, user, tweet int64) error {
	err := l.o.Actions.Retweet(ctx, user, tweet)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return fmt.Errorf("retweet: %w", err)
	}
	return nil
}

// recentTweet returns the id of a recent tweet. Newer tweets are more likely.
func (l *Life) recentTweet() int64 {
	return l.fresh[min(l.random.IntN(len(l.fresh)), l.random.IntN(len(l.fresh)))].id
}

func (l *Life) someone() int64 { return l.o.World.Others[l.random.IntN(len(l.o.World.Others))] }

// imported reports whether an import made the id of a tweet. Seed imports its tweets.
func imported(id int64) bool {
	return ids.Compose(ids.Millis(ids.Time(id)), ids.ImportNode, 0) == id&^0xfff
}
