package demo

import "context"

// Pace of heat, in ticks.
const (
	firstHeatAfter = 20
	heatAfter      = 120 // at least; at most twice that
	heatTicks      = 25
	// heatLikes are the least likes of a hot tweet; there may be as many again, or as many as there are people.
	heatLikes = 20
	// heatAnswerEvery and heatRetweetEvery are the pauses between answers and between retweets.
	heatAnswerEvery  = 4
	heatRetweetEvery = 6
)

// heat is a moment in which a tweet is noticed by everybody: within half a minute it gets 20 to 40 likes, some retweets and the answers
// of its script.
type heat struct {
	of *conversation
	// fans are the people who like the tweet, in their order; the first liked of them have done so.
	fans  []int64
	liked int
	tick  int
}

// glow does what a tick of heat does, or begins a moment of heat when its time has come.
func (l *Life) glow(ctx context.Context) error {
	if l.heat == nil {
		if l.heatWait--; l.heatWait > 0 || len(l.talk.hot.all) == 0 {
			return nil
		}
		l.heatWait = heatAfter + l.random.IntN(heatAfter+1)
		return l.ignite(ctx)
	}
	h := l.heat
	h.tick++
	tweet, err := h.of.tweets[0], error(nil)
	for h.liked < h.tick*len(h.fans)/heatTicks && err == nil {
		err = l.reactTo(ctx, h.fans[h.liked], tweet, kindLike)
		h.liked++
	}
	if err == nil && h.tick%heatRetweetEvery == 0 {
		err = l.retweetOf(ctx, h.fans[h.tick/heatRetweetEvery], tweet)
	}
	if err == nil && h.tick%heatAnswerEvery == 0 && len(h.of.tweets) < len(h.of.lines) {
		var id int64
		if id, err = l.tweet(ctx, l.talk.line(h.of)); id == 0 {
			h.tick = heatTicks
		}
	}
	if err != nil || h.tick >= heatTicks {
		l.heat = nil
	}
	return err
}

// ignite posts a hot tweet.
func (l *Life) ignite(ctx context.Context) error {
	c := &conversation{script: l.talk.hot.draw(l.random)}
	first := l.talk.line(c)
	if id, err := l.tweet(ctx, first); err != nil || id == 0 {
		return err
	}
	h := &heat{of: c}
	for _, i := range l.random.Perm(len(l.o.World.Others)) {
		if fan := l.o.World.Others[i]; fan != first.authorID {
			h.fans = append(h.fans, fan)
		}
	}
	h.fans = h.fans[:min(len(h.fans), heatLikes+l.random.IntN(heatLikes+1))]
	l.heat = h
	return l.look(ctx)
}
