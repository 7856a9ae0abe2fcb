package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// A node with a thousand sockets has to stop while the other goes on taking tweets: it closes the sockets
// in slices, each with the code that means "come back", and on the other node each goes on with its last
// cursor as if nothing had happened.
func TestTermWithAThousandSockets(t *testing.T) {
	const sockets, authors, readers = 1000, 5, 20
	t.Parallel()
	needFiles(t, sockets)
	a := rig.NewProcess(t, apitest.Server)
	b := a.Alongside(t)
	a.Start(t, rig.Plain.Build(t))
	b.Start(t, rig.Plain.Build(t))
	write, read := b.SignUps(t, "author", authors), b.SignUps(t, "reader", readers)
	cursors := make([]string, readers)
	apitest.Parallel(t, readers, func(i int) error {
		if _, err := read[i].Try(`mutation($id: ID!) { followUser(input: {userId: $id}) { userErrors { code } } }`,
			apitest.Vars{"id": write[i%authors].ID}); err != nil {
			return err
		}
		res, err := read[i].Try(`{ viewer { homeTimeline(first: 1) { eventCursor } } }`, nil)
		cursors[i] = res.String("viewer.homeTimeline.eventCursor")
		return err
	})
	all := make([]*returner, sockets)
	gather(t, sockets, func(i int) error {
		all[i] = &returner{number: i, key: read[i%readers].Key, cursor: cursors[i%readers]}
		return all[i].connect(t.Context(), a.URL)
	})

	ctx, cancel := context.WithTimeout(t.Context(), 2*apitest.Patience)
	defer cancel()
	var back atomic.Int64
	done := make(chan error, sockets)
	for _, r := range all {
		go func() { done <- r.run(ctx, a.URL, b.URL, &back) }()
	}
	stop, tweeted := make(chan struct{}), make(chan error, 1)
	go func() { tweeted <- tweetUntil(stop, write) }()
	began := time.Now()
	a.End(t, syscall.SIGTERM)
	took := time.Since(began)
	if err := a.Proc.Err(); err != nil {
		t.Errorf("the process ended with %v:\n%s", err, a.Proc.LogTail())
	}
	apitest.Until(t, "all to be back", func() bool { return back.Load() == sockets || len(done) > 0 })
	close(stop)
	if err := <-tweeted; err != nil {
		t.Fatal(err)
	}
	for _, u := range write {
		u.Tweet(t, lastText)
	}
	for range sockets {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	b.Look(t, func(db *sqldb.DB) {
		for i, u := range write {
			want := rig.Logged(t, db, u)
			for _, r := range all {
				if r.number%readers%authors == i && !slices.Equal(r.got, want) {
					t.Fatalf("socket %d got %d events %v, the log has %d: %v", r.number, len(r.got), r.got, len(want), want)
				}
			}
		}
	})
	expectSlices(t, all, took)
}

// homeBriefly asks for what a returner needs, lastText is the tweet with which it ends.
const (
	homeBriefly = `subscription($after: String) { homeTimelineEvents(after: $after) { __typename cursor
	... on TimelineEntryAdded { edge { node { id text } } } ... on TimelineReset { reason } } }`
	lastText = "the last one"
)

// tweetUntil lets the authors tweet in turn.
func tweetUntil(stop chan struct{}, authors []*apitest.User) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		if _, err := authors[n%len(authors)].Try(`mutation($t: String!) { createTweet(input: {text: $t}) { userErrors { code } } }`,
			apitest.Vars{"t": fmt.Sprint("number ", n)}); err != nil {
			return err
		}
	}
}

// expectSlices wants the sockets to have been closed over a time, not nearly all of them in one part of it. A busy
// machine may move many of them, never all to the same moment.
func expectSlices(t testing.TB, all []*returner, took time.Duration) {
	t.Helper()
	at := make([]time.Time, len(all))
	for i, r := range all {
		at[i] = r.closed
	}
	slices.SortFunc(at, time.Time.Compare)
	const parts = 10
	spread, most := at[len(at)-1].Sub(at[0]), 0
	var closes [parts]int
	for _, when := range at {
		part := min(parts-1, int(parts*when.Sub(at[0])/max(1, spread)))
		closes[part]++
		most = max(most, closes[part])
	}
	t.Logf("%d sockets were closed over %v, %v in its tenths; the process took %v", len(at), spread.Round(time.Millisecond), closes,
		took.Round(time.Millisecond))
	if spread < time.Second || most > testtime.Soak(len(at)*9/10, len(at)/2) {
		t.Errorf("%d sockets were closed over %v, %d of them in a tenth of it", len(at), spread, most)
	}
	if took > testtime.Soak(apitest.Patience, 30*time.Second) {
		t.Errorf("the process took %v", took)
	}
}

// returner is a client that comes back, elsewhere and with its last cursor, when the node asks for it.
type returner struct {
	number      int
	key, cursor string
	socket      light
	got         []string
	closed      time.Time
}

// connect subscribes from the cursor on. It comes back later while the node says that it is busy.
func (r *returner) connect(ctx context.Context, url string) (err error) {
	for {
		r.socket, err = dialLight(ctx, url, r.key, r.number)
		if closed, ok := errors.AsType[*websocket.CloseError](err); !ok || closed.Code != websocket.CloseTryAgainLater {
			break
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	return r.socket.subscribe(homeBriefly, apitest.Vars{"after": r.cursor})
}

// read reads one event; last says that none comes after it.
func (r *returner) read() (last bool, err error) {
	var data struct {
		HomeTimelineEvents struct {
			Typename string `json:"__typename"`
			Cursor   string
			Reason   string
			Edge     struct{ Node struct{ ID, Text string } }
		}
	}
	if err := r.socket.next(&data); err != nil {
		return false, err
	}
	event := data.HomeTimelineEvents
	if event.Typename == "TimelineReset" && len(r.got) == 0 && event.Reason == "TIMELINE_REBUILT" {
		r.cursor = event.Cursor // the follow, which the first cursor may precede
		return false, nil
	}
	if event.Typename != "TimelineEntryAdded" || event.Cursor == "" {
		return false, fmt.Errorf("socket %d got %+v", r.number, event)
	}
	r.got, r.cursor = append(r.got, "+"+event.Edge.Node.ID), event.Cursor
	return event.Edge.Node.Text == lastText, nil
}

// run reads on one node until it closes the socket, then on the other until the last tweet.
func (r *returner) run(ctx context.Context, from, to string, back *atomic.Int64) error {
	var err error
	for err == nil {
		_, err = r.read()
	}
	if r.closed = time.Now(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) && !errors.Is(err, errBusy) {
		return fmt.Errorf("socket %d at %s: %w", r.number, from, err)
	}
	_ = r.socket.Close()
	jitter := time.NewTimer(rand.N(500 * time.Millisecond))
	defer jitter.Stop()
	select {
	case <-jitter.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := r.connect(ctx, to); err != nil {
		return fmt.Errorf("socket %d comes back: %w", r.number, err)
	}
	endWith := func(socket light) (stop func() bool) { return context.AfterFunc(ctx, func() { _ = socket.Close() }) }
	stop := endWith(r.socket)
	defer func() { stop() }()
	back.Add(1)
	for last := false; !last; {
		last, err = r.read()
		if errors.Is(err, errBusy) {
			stop()
			_ = r.socket.Close()
			if err = r.connect(ctx, to); err == nil {
				stop = endWith(r.socket)
			}
		}
		if err != nil {
			return fmt.Errorf("socket %d at %s: %w", r.number, to, err)
		}
	}
	return r.socket.Close()
}
