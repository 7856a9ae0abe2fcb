package live

import (
	"context"
	"slices"
	"testing"

	"roost/events"
)

// answered is an entry of the log with a reply to tweet 7.
func answered(t *testing.T, seq, reply int64) events.Entry {
	t.Helper()
	return entry(t, seq, events.ReplyAdded{TweetID: 7, ReplyID: reply, AuthorID: 1})
}

// Subscribers get the replies to their tweet behind the position at which they begin, in the order of the log.
func TestRepliesComeInOrder(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	h.Carry(t.Context(), []events.Entry{answered(t, 1, 10)})
	s := h.SubscribeReplies(7)
	defer s.Close()
	if !h.Watched() || h.PassOver(9) || h.Stats().Replies != 1 {
		t.Error("the hub does not count the subscription")
	}
	woken := 0
	if s.From.Seq() != 1 || s.Ready(func() { woken++ }) {
		t.Errorf("the subscription begins at %d", s.From.Seq())
	}
	h.Carry(t.Context(), []events.Entry{answered(t, 2, 12), entry(t, 3, events.ReplyAdded{TweetID: 8, ReplyID: 13}), answered(t, 4, 11)})
	got, err := s.Next(t.Context())
	if err != nil || got.Lost || !slices.Equal(got.IDs, []int64{12, 11}) || woken != 1 {
		t.Errorf("got %+v, %v, woken %d times", got, err, woken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.Next(ctx); err == nil {
		t.Errorf("afterwards came %+v", got)
	}
}

// Whoever is too slow, and everybody when the node skips a part of the log, meets one that it cannot read, or begins another epoch, is to
// read the log up to there. Later replies are a part of that as long as it was not taken.
func TestLostRepliesAreReadFromTheLog(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *Hub){
		"too slow": func(h *Hub) {
			for i := range int64(replyBuffer + 1) {
				h.Carry(t.Context(), []events.Entry{answered(t, 2+i, 100+i)})
			}
		},
		"skipped": func(h *Hub) { h.SkipTo(replyBuffer + 2) },
		"not readable": func(h *Hub) {
			e := answered(t, replyBuffer+2, 9)
			e.Payload = "{"
			h.Carry(t.Context(), []events.Entry{e})
		},
		"another epoch": func(h *Hub) { h.restart(replyBuffer + 2) },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, everybody)
			s := h.SubscribeReplies(7)
			defer s.Close()
			h.Carry(t.Context(), []events.Entry{answered(t, 1, 10)})
			lose(h)
			if !s.Ready(nil) {
				t.Fatal("there is nothing to take")
			}
			h.Carry(t.Context(), []events.Entry{answered(t, replyBuffer+3, 11)})
			got, err := s.Next(t.Context())
			if err != nil || !got.Lost || got.IDs != nil || got.UpTo.Seq() != replyBuffer+3 {
				t.Errorf("got %+v, %v", got, err)
			}
			h.Carry(t.Context(), []events.Entry{answered(t, replyBuffer+4, 12)})
			if got, err = s.Next(t.Context()); err != nil || got.Lost || !slices.Equal(got.IDs, []int64{12}) {
				t.Errorf("afterwards came %+v, %v", got, err)
			}
		})
	}
}
