package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/pgtest"
	"roost/testkit/rig"
)

// failover is a site whose database loses its last writes: a primary with an asynchronous standby that is cut off before
// them, and takes over when the primary is killed.
type failover struct {
	*rig.Cluster
	primary, standby *pgtest.Cluster
	address          *rig.Proxy
	// moved is when the database's address led to the new primary, in Unix nanoseconds; 0 before.
	moved atomic.Int64
}

func newFailover(t *testing.T) *failover {
	t.Helper()
	f := &failover{primary: migratedCluster(t)}
	f.standby = f.primary.Standby()
	host, behind := hostOf(t, f.primary.URL())
	f.address = rig.NewProxy(t, host)
	f.Cluster = rig.NewCluster(t, rig.Options{DatabaseURL: behind(f.address)})
	f.Start(t, f.Nodes)
	return f
}

// cutOff lets the standby have everything up to now, and nothing after it.
func (f *failover) cutOff(t *testing.T) {
	t.Helper()
	f.standby.CatchUp(f.primary)
	f.standby.StopFollowing()
}

// fail kills the primary, promotes the standby, and leads the database's address there.
func (f *failover) fail(t *testing.T) {
	t.Helper()
	f.primary.Kill()
	f.standby.Promote()
	to, _ := hostOf(t, f.standby.URL())
	f.moved.Store(time.Now().UnixNano())
	f.address.Redirect(to)
}

// beside runs writers, and readers of them on all nodes, until the returned function is called.
func (f *failover) beside(t *testing.T, all []*scribe) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	every := func(d time.Duration, do func(n int)) {
		running.Go(func() {
			tick := time.NewTicker(d)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-tick.C:
					do(n)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for i, u := range all {
		every(50*time.Millisecond, func(n int) { u.write(ctx, f, f.Nodes[(n+i)%2]) })
		for _, node := range f.Nodes {
			every(10*time.Millisecond, func(n int) {
				if err := u.read(ctx, node, n%2 == 0); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
		}
	}
	end = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(end)
	return end
}

// homeFrom is what the log holds for readers of the authors behind a position, as events.
func homeFrom(t *testing.T, db *sqldb.DB, from events.Position, authors ...*apitest.User) []string {
	t.Helper()
	before := apitest.Int(t, db, "SELECT count(*) FROM events WHERE seq <= $1 AND type IN ('TweetPosted', 'TweetDeleted') AND "+
		"(payload::json->>'AuthorID')::bigint IN ("+idsOf(t, authors)+")", from.Seq())
	return rig.Logged(t, db, authors...)[before:]
}

func idsOf(t *testing.T, users []*apitest.User) string {
	t.Helper()
	var all []string
	for _, u := range users {
		all = append(all, strconv.FormatInt(rig.UserID(t, u.ID), 10))
	}
	return strings.Join(all, ",")
}

// expectNewEpoch reads a stream up to the tweet that ends the test: a reset that says that the cursor expired, and
// everything of the log that is behind it.
func expectNewEpoch(t *testing.T, db *sqldb.DB, what string, rd *rig.Reader, last string, authors ...*apitest.User) {
	t.Helper()
	var got []string
	from, reset := events.Position(0), false
	for len(got) == 0 || got[len(got)-1] != "+"+last {
		event, _ := rd.Next(t)
		if event == "CURSOR_EXPIRED" {
			got, from, reset = nil, rig.PositionAt(t, rd.Cursor), true
			continue
		}
		got = append(got, event)
	}
	if !reset {
		t.Errorf("%s: there was no reset", what)
	}
	rig.ExpectLog(t, got, homeFrom(t, db, from, authors...))
}

// An asynchronous standby that lacks hundreds of acknowledged writes takes over under load. Nobody does anything about it.
// Every stream is reset and whole from there on, no read is older than what was acknowledged by the new primary, and what
// was lost is shown by nobody.
func TestFailoverWithLoss(t *testing.T) {
	t.Parallel()
	f := newFailover(t)
	users := f.Nodes[0].SignUps(t, "writer", 6)
	ada, authors := users[0], users[:4]
	for _, u := range authors[1:] {
		ada.Follow(t, u.ID)
	}
	kept, revived := ada.Tweet(t, "there from the start"), users[2].Tweet(t, "deleted, which will be lost")
	ada.React(t, kept, "LIKE")
	loads := []*scribe{{user: users[1]}, {user: users[2]}, {user: users[3]}}
	for _, u := range loads {
		u.n = 1
		rig.SetBio(t, u.user, "1")
	}
	readers := make([]*rig.Reader, 2)
	for i, node := range f.Nodes {
		readers[i], _ = rig.ReadHome(t, node.Roost, ada)
		readers[i].Connect(t, node.Roost)
	}
	before := *readers[0]
	settled := authors[1].Tweet(t, "the last one that is kept")
	for _, rd := range readers {
		rd.Until(t, "+"+settled)
	}
	counts, _ := rig.WatchCounts(t, readers[1].Socket, kept)
	f.cutOff(t)

	lost := f.lose(t, users, kept, revived)
	lastLost := authors[1].Tweet(t, "lost, too")
	for _, rd := range readers {
		rd.Until(t, "+"+lastLost)
	}
	old := *readers[0]
	if got := lastRevision(t, counts, lostRevision); got.Dislikes != 5 {
		t.Fatalf("before the failover the counts are %+v", got)
	}
	// So many that the new primary does not get to their versions in the time of the test.
	apitest.Parallel(t, len(loads), func(i int) error {
		for n := range 200 {
			loads[i].write(t.Context(), f, f.Nodes[n%2])
		}
		return nil
	})
	end := f.beside(t, loads)
	for _, u := range loads {
		u.await(t, "copies of what will be lost", func() bool { return len(u.reads) > 20 })
	}
	f.fail(t)
	for i := range 3 * len(authors) {
		f.eventually(t, "a tweet", func(node *rig.Process) bool {
			res, err := rig.UserOn(node.Roost, authors[i%len(authors)]).
				Try(`mutation { createTweet(input: {text: "after it"}) { tweet { id } } }`, nil)
			return err == nil && len(res.Errors) == 0
		})
	}
	for _, u := range loads {
		u.await(t, "writes for three seconds after the failover", func() bool {
			return len(u.acked) > 20 && u.acked[len(u.acked)-1].at.Sub(u.acked[0].at) > 3*time.Second
		})
	}
	end()
	for _, u := range loads {
		worst := u.staleness()
		t.Logf("%d writes acknowledged after the failover, %d reads, at worst one from %s before a write", len(u.acked), len(u.reads), worst)
		if worst > 2*time.Second {
			t.Errorf("%s after it was acknowledged a write of the new primary is not seen", worst)
		}
	}
	last := ada.Tweet(t, "the last one")
	db := rig.OpenURL(t, f.standby.URL())
	apitest.Until(t, "the log to be numbered", func() bool { return apitest.Int(t, db, "SELECT count(*) FROM events WHERE seq IS NULL") == 0 })
	for i, rd := range readers {
		expectNewEpoch(t, db, fmt.Sprint("the stream at node ", i), rd, last, authors...)
	}
	for name, from := range map[string]*rig.Reader{"from before the loss": &before, "of what was lost": &old} {
		for i, node := range f.Nodes {
			again := *from
			again.Connect(t, node.Roost)
			if event, _ := again.Next(t); event != "CURSOR_EXPIRED" {
				t.Errorf("a cursor %s at node %d gives %s", name, i, event)
			}
			again.Leave()
		}
	}
	if got := lastRevision(t, counts, 1); got.Likes != 1 {
		t.Errorf("the counts of before the loss are told as %+v", got)
	}
	f.expectGone(t, lost, users, kept)
	rig.CheckRows(t, db)
	for _, p := range f.Nodes {
		rig.AwaitLogLine(t, p, "the database went back to an earlier state")
	}
}

// eventually does something on one node after the other, until it is done.
func (f *failover) eventually(t *testing.T, what string, do func(node *rig.Process) bool) {
	t.Helper()
	n := 0
	apitest.Until(t, what, func() bool {
		n++
		return do(f.Nodes[n%2])
	})
}

// lastRevision reads a stream of counts up to a revision.
func lastRevision(t *testing.T, st *apitest.Stream, revision int) rig.Summary {
	t.Helper()
	for {
		if got := rig.SummaryAt(st.Next(t), "reactionsChanged.reactions"); got.Revision == revision {
			return got
		}
	}
}
