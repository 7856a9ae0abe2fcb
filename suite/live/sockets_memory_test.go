package live

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// What open sockets may cost a node: all of it with the most that a node is asked to hold, and each in
// resident memory, of which the Go runtime keeps half free for what comes between two collections. These come late
// on a busy machine, so a socket may take memoryOfOneBusy in the short form.
const (
	manySockets     = 10_000
	memoryOfMany    = 1 << 30
	memoryOfOne     = 64 << 10
	memoryOfOneBusy = 2 * memoryOfOne
)

// A node holds its sockets in little memory, also while it pushes to all of them. Half of them watch the
// counts of one tweet, half their home timelines.
func TestMemoryOfSockets(t *testing.T) {
	t.Parallel()
	sockets, rounds := manySockets/10, 5
	if testtime.Soaking() {
		sockets, rounds = manySockets, 20
	}
	needFiles(t, sockets)
	p := rig.NewProcess(t, apitest.Server)
	p.WithAdmin(t)
	p.Start(t, rig.Plain.Build(t))
	author, users := p.SignUp(t, "author"), p.SignUps(t, "viewer", max(1, sockets/2/50))
	for _, u := range users {
		u.Follow(t, author.ID)
	}
	tweet := author.Tweet(t, "everybody looks at this")
	// Anew: what hashing passwords took is no part of the memory of sockets.
	p.End(t, syscall.SIGTERM)
	p.Start(t, rig.Plain.Build(t))
	warm := author.Dial(t)
	rig.WatchCounts(t, warm, tweet)
	rig.WatchHome(t, author, warm)
	before := p.Memory(t, "VmRSS")

	open := make([]light, sockets)
	crowd := &onlookers{tweet: tweet, seen: make([]atomic.Int64, sockets)}
	crowd.cursor = author.Must(t, `{ viewer { homeTimeline(first: 1) { eventCursor } } }`, nil).String("viewer.homeTimeline.eventCursor")
	gather(t, sockets, func(i int) (err error) {
		key := ""
		if i%2 == 1 {
			key = users[i/2%len(users)].Key
		}
		if open[i], err = dialLight(t.Context(), p.URL, key, i); err != nil {
			return err
		}
		return crowd.look(open[i], i)
	})
	opened := p.Memory(t, "VmRSS")
	for i := range rounds {
		author.React(t, tweet, []string{"LIKE", "DISLIKE"}[i%2])
		crowd.expect(t, 0, int64(i+1))
	}
	author.Tweet(t, "for all timelines")
	crowd.expect(t, 1, 1)
	most := p.Memory(t, "VmHWM")
	each := (most - before) / int64(sockets)
	t.Logf("%d sockets: %d MiB before, %d MiB when they were open, at most %d MiB; %d KiB each", sockets, before>>20, opened>>20, most>>20,
		each>>10)
	if most > memoryOfMany {
		t.Errorf("%d sockets took %d MiB, more than %d", sockets, most>>20, memoryOfMany>>20)
	}
	if bound := testtime.Soak[int64](memoryOfOneBusy, memoryOfOne); each > bound {
		t.Errorf("a socket took %d KiB, more than %d", each>>10, bound>>10)
	}
	for _, s := range open {
		_ = s.Close()
	}
}

// onlookers are many sockets: even ones watch the counts of a tweet, odd ones home timelines.
type onlookers struct {
	tweet string
	// cursor is where home timelines begin, in case that a subscription begins after the first entry.
	cursor string
	// seen is the newest revision that came over a socket, or the number of entries.
	seen []atomic.Int64
	// broken is why some socket ended.
	broken atomic.Pointer[error]
}

// look subscribes, and reads until the socket is closed.
func (o *onlookers) look(s light, i int) error {
	var counts struct {
		ReactionsChanged struct{ Reactions struct{ Revision int64 } }
	}
	if i%2 == 1 {
		go o.read(i, func() error {
			err := s.next(new(any))
			o.seen[i].Add(1)
			return err
		})
		return s.subscribe(rig.CursorEvents, apitest.Vars{"after": o.cursor})
	}
	if err := s.subscribe(rig.ReactionsChanged, apitest.Vars{"ids": []string{o.tweet}}); err != nil {
		return err
	}
	if err := s.next(&counts); err != nil { // what is now
		return err
	}
	go o.read(i, func() error {
		err := s.next(&counts)
		o.seen[i].Store(counts.ReactionsChanged.Reactions.Revision)
		return err
	})
	return nil
}

func (o *onlookers) read(i int, next func() error) {
	for {
		if err := next(); err != nil {
			err = fmt.Errorf("socket %d: %w", i, err)
			o.broken.CompareAndSwap(nil, &err)
			return
		}
	}
}

// expect waits until every second socket has seen so much. As long as some get it, the node is only slow.
func (o *onlookers) expect(t testing.TB, first int, want int64) {
	t.Helper()
	for missing := len(o.seen); missing > 0; {
		before := missing
		apitest.Until(t, fmt.Sprintf("any of %d sockets to see it", before), func() bool {
			if err := o.broken.Load(); err != nil {
				t.Fatal(*err)
			}
			missing = 0
			for i := first; i < len(o.seen); i += 2 {
				if o.seen[i].Load() < want {
					missing++
				}
			}
			return missing < before
		})
	}
}
