package rig

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/testkit/apitest"
)

// ReactionsChanged subscribes to the counts of subjects.
const ReactionsChanged = `subscription($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) {
	id reactions { likeCount dislikeCount viewerReaction revision } } }`

// WatchCounts subscribes and reads the first state of each subject.
func WatchCounts(t testing.TB, socket *apitest.Socket, subjects ...string) (*apitest.Stream, map[string]Summary) {
	t.Helper()
	st := socket.Subscribe(t, ReactionsChanged, apitest.Vars{"ids": subjects})
	states := map[string]Summary{}
	for range subjects {
		event := st.Next(t)
		states[event.String("reactionsChanged.id")] = SummaryAt(event, "reactionsChanged.reactions")
	}
	return st, states
}

// ClosedWith reports whether an error is the close of a socket with a code.
func ClosedWith(err error, code int) bool {
	ce, ok := errors.AsType[*websocket.CloseError](err)
	return ok && ce.Code == code
}

// HomeEvents subscribes to the events of a home timeline, with every nested field that a stale cache could spoil.
const HomeEvents = `subscription { homeTimelineEvents { __typename
	... on TimelineEntryAdded { edge { cursor node { id text author { id name tweetCount viewerIsFollowing }
	reactions { likeCount viewerReaction } } } }
	... on TimelineEntryRemoved { tweetId }
	... on TimelineReset { reason } } }`

// HomeEvent returns an event in short: "+id", "-id" or the reason of a reset.
func HomeEvent(t testing.TB, r *apitest.Response) string {
	t.Helper()
	const at = "homeTimelineEvents"
	switch r.String(at + ".__typename") {
	case "TimelineEntryAdded":
		return "+" + r.String(at+".edge.node.id")
	case "TimelineEntryRemoved":
		return "-" + r.String(at+".tweetId")
	case "TimelineReset":
		return r.String(at + ".reason")
	}
	t.Fatalf("not an event: %s", r.Body)
	return ""
}

// WatchHome subscribes and waits until the subscription runs, which is when the user's own tweets come
// back.
func WatchHome(t testing.TB, u *apitest.User, socket *apitest.Socket) *apitest.Stream {
	t.Helper()
	st := socket.Subscribe(t, HomeEvents, nil)
	var want, got string
	for got == "" {
		want = "+" + u.Tweet(t, "are you there?")
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		r, err := st.TryNext(ctx)
		cancel()
		switch {
		case err == nil:
			got = HomeEvent(t, r)
		case !errors.Is(err, context.DeadlineExceeded):
			t.Fatalf("subscribe: %v", err)
		}
	}
	for got != want {
		got = HomeEvent(t, st.Next(t))
	}
	return st
}

// ExpectHome reads as many events as are wanted, and compares.
func ExpectHome(t testing.TB, st *apitest.Stream, want ...string) {
	t.Helper()
	for i, w := range want {
		if got := HomeEvent(t, st.Next(t)); got != w {
			t.Fatalf("event %d is %s, want %s", i+1, got, w)
		}
	}
}
