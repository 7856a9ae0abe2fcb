package live

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

const (
	// flat is how much a node's memory may grow while it has readers that do not read: the collector's
	// room for a heap of this size, and less than what a queue of all events would hold. On a busy machine
	// the collector comes late.
	flat, flatBusy = 24 << 20, 36 << 20
	// muteFor is how long one may hold its place once what it may hold is full, on a quiet machine.
	muteFor = 10 * time.Second
)

// A client that does not read loses its socket soon, costs the node no memory however many events pass, and
// nobody else waits for it.
func TestMuteSocketsOfAProcess(t *testing.T) {
	events, readers, aliases := 600, 4, 80
	if testtime.Soaking() {
		events, readers, aliases = 10_000, 20, 1
	}
	t.Parallel()
	p := rig.NewProcess(t, apitest.Server)
	w := &muted{Process: p, admin: p.WithAdmin(t)}
	p.Start(t, rig.Plain.Build(t))
	w.author = p.SignUp(t, "author")
	users := p.SignUps(t, "reader", readers+1)
	for _, u := range users {
		u.Follow(t, w.author.ID)
	}
	// Anew: what hashing passwords took is no part of this.
	p.End(t, syscall.SIGTERM)
	p.Start(t, rig.Plain.Build(t))
	for i, u := range users[1:] {
		w.read(t, i, u)
	}
	go w.watch(t.Context())
	alone := w.pass(t, events/4)

	w.mute(t, users[0], aliases)
	before := p.Memory(t, "VmRSS")
	var beside []time.Duration
	for len(beside) < events*readers {
		beside = append(beside, w.pass(t, events/20)...)
		if testtime.Soaking() && len(w.closed()) == len(w.mutes) {
			w.mute(t, users[0], aliases) // there is always one
		}
	}
	after := p.Memory(t, "VmRSS")
	w.expectClosed(t)
	t.Logf("99 of 100 events come within %v alone and %v beside one that does not read", rig.Percentile(alone, 99), rig.Percentile(beside, 99))
	t.Logf("%d events, %d sockets that nobody read; the node had %d MiB before and %d MiB after", events, len(w.mutes), before>>20, after>>20)
	if after-before > testtime.Soak[int64](flatBusy, flat) {
		t.Errorf("the node grew by %d MiB", (after-before)>>20)
	}
	if a, b := rig.Percentile(alone, 99), rig.Percentile(beside, 99); testtime.Soaking() && b > 2*a+20*time.Millisecond {
		t.Errorf("99 of 100 events come within %v, alone within %v", b, a)
	}
	readOn(t, w.mutes[0].Conn, w.posted)
}

// muted is a node with readers, and with sockets that nobody reads.
type muted struct {
	*rig.Process
	admin  string
	author *apitest.User
	heard  []chan heardAt
	mutes  []*muteSocket
	posted int // since the first mute one came

	mu     sync.Mutex
	closes []time.Time // of mute sockets, as the node's metrics show
}

// muteSocket is one that nobody reads. It takes size bytes an event, which came to it so often, and must
// have been full when enough had.
type muteSocket struct {
	*websocket.Conn
	size, came int
	full       time.Time
}

type heardAt struct {
	text string
	when time.Time
}

// watch notes when the node closes sockets for slowness.
func (w *muted) watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		n, err := rig.Metric(ctx, w.admin, `roost_socket_closes_total{code="1013"}`)
		w.mu.Lock()
		for err == nil && len(w.closes) < int(n) {
			w.closes = append(w.closes, time.Now())
		}
		w.mu.Unlock()
	}
}

// closed is when the node closed sockets for slowness, by what is known so far.
func (w *muted) closed() []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.closes)
}

// read opens the socket of somebody who reads.
func (w *muted) read(t testing.TB, number int, u *apitest.User) {
	t.Helper()
	cursor := u.Must(t, `{ viewer { homeTimeline(first: 1) { eventCursor } } }`, nil).String("viewer.homeTimeline.eventCursor")
	s, err := dialLight(t.Context(), w.URL, u.Key, number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.subscribe(homeBriefly, apitest.Vars{"after": cursor}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan heardAt, 16)
	w.heard = append(w.heard, heard)
	go func() {
		defer close(heard)
		for {
			var data struct {
				HomeTimelineEvents struct {
					Edge struct{ Node struct{ Text string } }
				}
			}
			if s.next(&data) != nil {
				return
			}
			heard <- heardAt{data.HomeTimelineEvents.Edge.Node.Text, time.Now()}
		}
	}()
}

// mute opens a socket that nobody reads; to it every text counts so many times.
func (w *muted) mute(t testing.TB, u *apitest.User, aliases int) {
	t.Helper()
	var fields strings.Builder
	for i := range aliases {
		fmt.Fprintf(&fields, "t%d: text ", i)
	}
	conn := mute(t, u, `subscription { homeTimelineEvents { ... on TimelineEntryAdded { edge { node { `+fields.String()+
		` } } } ... on TimelineReset { reason } } }`)
	if err := conn.NetConn().(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	w.mutes = append(w.mutes, &muteSocket{Conn: conn, size: aliases * len(postedText(0))})
}

// pass posts so many tweets, each when everybody has the one before, and returns how long each took to each.
func (w *muted) pass(t testing.TB, tweets int) (took []time.Duration) {
	t.Helper()
	patience := time.NewTimer(apitest.Patience)
	defer patience.Stop()
	for range tweets {
		text, began := postedText(w.posted), time.Now()
		w.author.Tweet(t, text)
		for _, heard := range w.heard {
			for arrived := false; !arrived; {
				select {
				case h, open := <-heard:
					if !open {
						t.Fatal("the socket of a reader was closed")
					}
					arrived = h.text == text
					took = append(took, h.when.Sub(began))
				case <-patience.C:
					t.Fatalf("%q does not come", text)
				}
			}
		}
		patience.Reset(apitest.Patience)
		if len(w.mutes) > 0 {
			w.posted++
			w.mutes[len(w.mutes)-1].take()
		}
	}
	return took
}

// take counts an event, and notes when there is no room for another. The system keeps less than 512 KiB for
// such a socket, the node at most 128 messages or 1 MiB, with one more on its way.
func (m *muteSocket) take() {
	const kept, queued, messages = 512 << 10, 1 << 20, 128
	m.came++
	over := m.came - kept/m.size - 2
	if m.full.IsZero() && (over*m.size > queued || over > messages) {
		m.full = time.Now()
	}
}

func postedText(n int) string { return fmt.Sprintf("%d %s", n, strings.Repeat("語", 270)) }

// expectClosed waits until the node has closed the sockets that had to be full, each in time.
func (w *muted) expectClosed(t testing.TB) {
	t.Helper()
	for i, m := range w.mutes {
		if m.full.IsZero() {
			continue
		}
		apitest.Until(t, "the mute sockets to be closed", func() bool { return len(w.closed()) > i })
		late := w.closed()[i].Sub(m.full)
		if i == 0 {
			t.Logf("the first was closed %v after it had to be full", late.Round(100*time.Millisecond))
		}
		if late > testtime.Soak(apitest.Patience, muteFor) {
			t.Errorf("mute socket %d was closed %v after it had to be full", i, late)
		}
	}
	if w.mutes[0].full.IsZero() {
		t.Errorf("%d events did not fill a socket", w.posted)
	}
}
