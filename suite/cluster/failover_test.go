package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/events"
	"roost/internal/ids"
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

// scribe is a user who writes a number into the profile, a larger one each time, beside readers on all nodes.
type scribe struct {
	user *apitest.User
	n    int // the writer's own

	mu    sync.Mutex
	acked []numberAt // on the new primary
	reads []numberAt
}

// numberAt is a number that was acknowledged at a time, or read by a read that began then.
type numberAt struct {
	n  int
	at time.Time
}

func (u *scribe) note(list *[]numberAt, n int, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	*list = append(*list, numberAt{n, at})
}

// write writes the next number. It may fail while there is no primary.
func (u *scribe) write(ctx context.Context, f *failover, node *rig.Process) {
	u.n++
	moved := f.moved.Load() != 0
	res, err := rig.UserOn(node.Roost, u.user).Do(ctx, rig.WriteProfile, apitest.Vars{"bio": strconv.Itoa(u.n)})
	if err == nil && len(res.Errors) == 0 && moved {
		u.note(&u.acked, u.n, time.Now())
	}
}

// read reads the number.
func (u *scribe) read(ctx context.Context, node *rig.Process, byName bool) error {
	began := time.Now()
	text, err := rig.BioOf(ctx, node.Anonymous(), u.user, byName)
	if err != nil {
		return nil // what is not cached while there is no primary
	}
	n, err := strconv.Atoi(text)
	if err == nil {
		u.note(&u.reads, n, began)
	}
	return err
}

// staleness is how long after its acknowledgement, at most, a write on the new primary was not yet in what a read returned.
func (u *scribe) staleness() (worst time.Duration) {
	for _, r := range u.reads {
		for _, w := range slices.Backward(u.acked) {
			if w.n > r.n && w.at.Before(r.at) {
				worst = max(worst, r.at.Sub(w.at))
			}
		}
	}
	return worst
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

// await waits for something about what was noted.
func (u *scribe) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	apitest.Until(t, what, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return condition()
	})
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

// losses are acknowledged writes that the standby does not have.
type losses struct {
	tweets  []string
	revived string // a tweet that was deleted
	renamed *apitest.User
	newName string
	socket  *apitest.Socket // of a session that began meanwhile
}

// lose writes some hundred things, and has all nodes keep copies of them. The counts of a tweet reach the revision lostRevision.
func (f *failover) lose(t *testing.T, users []*apitest.User, kept, revived string) losses {
	t.Helper()
	l := losses{revived: revived, renamed: users[4], newName: users[4].Name + "_2"}
	for i, u := range slices.Repeat(users, 30) {
		l.tweets = append(l.tweets, rig.UserOn(f.Nodes[i%2].Roost, u).Tweet(t, "lost"))
	}
	for _, u := range users[1:] {
		for _, kind := range []string{"DISLIKE", "LIKE", "DISLIKE"} {
			u.React(t, kept, kind)
		}
	}
	for _, u := range users[:5] {
		users[5].Follow(t, u.ID)
	}
	users[4].Must(t, `mutation($n: String!) { updateSettings(input: {username: $n}) { userErrors { code } } }`, apitest.Vars{"n": l.newName})
	users[2].Delete(t, revived)
	l.socket = f.Nodes[0].SignUp(t, "fresh").Dial(t)
	for range 3 {
		for _, node := range f.Nodes {
			f.shown(t, node, l, users, kept)
		}
	}
	return l
}

const lostRevision = 1 + 3*5

// shown says what a node shows of what was lost.
func (f *failover) shown(t *testing.T, node *rig.Process, l losses, users []*apitest.User, kept string) string {
	t.Helper()
	const query = `query($revived: ID!, $kept: ID!, $old: String!, $new: String!, $tweets: [ID!]!, $followed: String!) {
		revived: tweet(id: $revived) { id } kept: tweet(id: $kept) { reactions { likeCount dislikeCount revision } }
		old: user(username: $old) { id tweetCount } new: user(username: $new) { id }
		followed: user(username: $followed) { viewerIsFollowing followers(first: 0) { totalCount } }
		tweets: nodes(ids: $tweets) { id } }`
	res := rig.UserOn(node.Roost, users[5]).Must(t, query, apitest.Vars{"revived": l.revived, "kept": kept, "old": l.renamed.Name,
		"new": l.newName, "followed": users[1].Name, "tweets": l.tweets[:50]})
	some := 0
	for _, n := range res.Get("tweets").([]any) {
		if n != nil {
			some++
		}
	}
	c := rig.SummaryAt(res, "kept.reactions")
	return fmt.Sprintf("revived %v, %d+%d at %d, old name %v with %v, new name %v, follows %v of %v, %d lost tweets",
		res.Get("revived") != nil, c.Likes, c.Dislikes, c.Revision, res.Get("old") != nil, res.Get("old.tweetCount"),
		res.Get("new") != nil, res.Get("followed.viewerIsFollowing"), res.Get("followed.followers.totalCount"), some)
}

// expectGone wants that no node shows what was lost.
func (f *failover) expectGone(t *testing.T, l losses, users []*apitest.User, kept string) {
	t.Helper()
	db := rig.OpenURL(t, f.standby.URL())
	for i, node := range f.Nodes {
		const want = "revived true, 1+0 at 1, old name true with 0, new name false, follows false of 1, 0 lost tweets"
		if got := f.shown(t, node, l, users, kept); got != want {
			t.Errorf("node %d shows: %s\nwant: %s", i, got, want)
		}
		_, page := rig.ReadHome(t, node.Roost, users[0])
		rows := apitest.Ints(t, db, "SELECT id FROM tweets WHERE deleted_at IS NULL AND author_id IN ("+idsOf(t, users[:4])+
			") ORDER BY id DESC LIMIT 100")
		if len(page) != len(rows) {
			t.Errorf("the page of node %d has %d entries, want %d", i, len(page), len(rows))
		}
		for _, id := range rows {
			if page[ids.TweetID(id).String()] == "" {
				t.Errorf("the page of node %d lacks %d", i, id)
			}
		}
	}
	l.socket.Closed(t)
}
