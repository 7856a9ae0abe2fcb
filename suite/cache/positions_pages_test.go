package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// follower is a viewer who follows and unfollows authors, one after the other, and reads pages meanwhile.
type follower struct {
	user    *apitest.User
	authors []*apitest.User

	mu sync.Mutex
	// began is, by author, when each change of the follow was sent, in their order.
	began map[string][]time.Time
	pages []pageRead
}

// pageRead is a page as it was answered: its position, and whose tweets it shows.
type pageRead struct {
	cursor string
	shows  map[string]bool
	end    time.Time
}

const (
	pageOfAuthors = `{ viewer { homeTimeline(first: 50) { eventCursor nodes { author { id } } } } }`
	followUser    = `mutation($id: ID!) { followUser(input: {userId: $id}) { user { id } userErrors { code } } }`
	unfollowUser  = `mutation($id: ID!) { unfollowUser(input: {userId: $id}) { user { id } userErrors { code } } }`
)

// change follows the author, or unfollows. Of a node that dies there is no answer.
func (f *follower) change(ctx context.Context, u *apitest.User, author string, dies bool) error {
	f.mu.Lock()
	n := len(f.began[author])
	f.began[author] = append(f.began[author], time.Now())
	f.mu.Unlock()
	res, err := u.Do(ctx, []string{followUser, unfollowUser}[n%2], apitest.Vars{"id": author})
	switch {
	case dies && err == nil:
		return fmt.Errorf("a node was to die, and answers %s", res.Body)
	case dies:
		return nil
	case err != nil:
		return err
	case len(res.Errors) > 0:
		return fmt.Errorf("a change: %s", res.Body)
	}
	return nil
}

// read reads a page.
func (f *follower) read(ctx context.Context, u *apitest.User) error {
	res, err := u.Do(ctx, pageOfAuthors, nil)
	if err != nil {
		return err
	}
	p := pageRead{cursor: res.String("viewer.homeTimeline.eventCursor"), shows: map[string]bool{}, end: time.Now()}
	if p.cursor == "" {
		return fmt.Errorf("a page: %s", res.Body)
	}
	for _, n := range res.Get("viewer.homeTimeline.nodes").([]any) {
		p.shows[apitest.Get(n, "author.id").(string)] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages = append(f.pages, p)
	return nil
}

// check compares each page with the log up to its position. A page may show what came later, if that was sent before
// the page was answered.
func (f *follower) check(t *testing.T, c *rig.Cluster) (bad int) {
	t.Helper()
	offsets := map[string][]int64{}
	for _, a := range f.authors {
		offsets[a.ID] = apitest.Ints(t, c.Database, `SELECT seq FROM events WHERE type IN ('UserFollowed', 'UserUnfollowed')
			AND aggregate = $1 AND (payload::json->>'FolloweeID')::bigint = $2 ORDER BY seq`, rig.UserID(t, f.user.ID), rig.UserID(t, a.ID))
		if len(offsets[a.ID]) != len(f.began[a.ID]) {
			t.Fatalf("%d changes were sent and %d took effect", len(f.began[a.ID]), len(offsets[a.ID]))
		}
	}
	for _, p := range f.pages {
		position := rig.PositionAt(t, p.cursor).Seq()
		for author, seqs := range offsets {
			n := 0 // changes that the position covers
			for n < len(seqs) && seqs[n] <= position {
				n++
			}
			most := n // changes that the page may show
			for most < len(seqs) && f.began[author][most].Before(p.end) {
				most++
			}
			if p.shows[author] == (n%2 == 1) || most > n {
				continue
			}
			if bad++; bad <= 5 {
				t.Errorf("the cursor of a page is at %d, which covers change %d of a follow (at %d); the page shows that author: %v",
					position, n, seqs[n-1], p.shows[author])
			}
		}
	}
	return bad
}

// newFollowers makes viewers, each with authors who have a tweet.
func newFollowers(t *testing.T, c *rig.Cluster, viewers, authors int) []*follower {
	t.Helper()
	all := c.Nodes[0].SignUps(t, "viewer", viewers)
	out := make([]*follower, viewers)
	for i, u := range all {
		out[i] = &follower{user: u, authors: c.Nodes[0].SignUps(t, "author", authors), began: map[string][]time.Time{}}
		for _, a := range out[i].authors {
			a.Tweet(t, "hello")
		}
	}
	return out
}

// background has somebody react to tweets all the time, on all nodes, until it is ended.
func background(t *testing.T, c *rig.Cluster, web *http.Client, reactors int) (end func() error) {
	t.Helper()
	crowd := c.Nodes[0].SignUps(t, "reactor", reactors)
	tweet := crowd[0].Tweet(t, "like me")
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	failed := make(chan error, reactors)
	for i, u := range crowd {
		all.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				v := apitest.Vars{"id": tweet, "k": []string{"LIKE", "DISLIKE", "NONE"}[n%3]}
				if _, err := c.Writer(u, n, web).Do(ctx, rig.SetReaction, v); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
		})
	}
	end = sync.OnceValue(func() error {
		stop()
		all.Wait()
		close(failed)
		return <-failed
	})
	t.Cleanup(func() { _ = end() })
	return end
}

// What a page's cursor covers the page shows: follows and unfollows on two nodes beside reactions, as they come; with
// writers that are held between their commit and the invalidation; and with a writer that is killed there every two
// seconds. At least half of the rows of these pages are answered from copies. A soak reads 20,000 pages each time.
func TestPagesShowWhatTheirCursorsCover(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name  string
		env   []string
		kill  time.Duration
		pages int
	}{
		{"as they come", nil, 0, testtime.Soak(1000, 20_000)},
		{"writers stand still", []string{"ROOST_FAULT=events.after-commit:hold:30ms"}, 0, testtime.Soak(500, 20_000)},
		{"a writer is killed", nil, 2 * time.Second, testtime.Soak(1000, 20_000)},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := rig.NewCluster(t, rig.Options{})
			c.WithAdmins(t)
			c.Start(t, c.Nodes, x.env...)
			var d *rig.CrashingNodes
			if x.kill > 0 {
				d = c.StartCrashing(t, 2)
			}
			followersOnTwoNodes(t, c, d, x.kill, x.pages)
			c.ExpectFromCopies(t, 0.5)
		})
	}
}

// followersOnTwoNodes runs viewers until so many pages are read, and checks these. A doomed node gets a change each time
// that kill passes.
func followersOnTwoNodes(t *testing.T, c *rig.Cluster, d *rig.CrashingNodes, kill time.Duration, pages int) {
	t.Helper()
	web, viewers := webClient(t), newFollowers(t, c, 4, 4)
	end := background(t, c, web, 2)
	var read, changed, killed atomic.Int64
	ctx := context.Background()
	failed := make(chan error, 100)
	fail := func(err error) {
		select {
		case failed <- err:
		default:
		}
	}
	var all sync.WaitGroup
	going := func() bool { // however slow the machine is
		few := read.Load() < int64(pages) || changed.Load() < int64(pages/50) || d != nil && killed.Load() == 0
		return few && len(failed) == 0
	}
	for i, f := range viewers {
		all.Go(func() {
			next := time.Now().Add(kill)
			for n := i; going(); n++ {
				author := f.authors[rand.IntN(len(f.authors))].ID
				if d != nil && i == 0 && time.Now().After(next) {
					select {
					case p := <-d.Alive:
						if err := f.change(ctx, rig.UserOn(p.Roost, f.user), author, true); err != nil {
							fail(err)
						}
						killed.Add(1)
						d.Replace(p, fail)
						next = time.Now().Add(kill)
						continue
					default: // none is ready
					}
				}
				if err := f.change(ctx, c.Writer(f.user, n, web), author, false); err != nil {
					fail(err)
				}
				changed.Add(1)
			}
		})
		for reader := range 2 {
			all.Go(func() {
				for n := reader; going(); n++ {
					if err := f.read(ctx, c.Writer(f.user, n, web)); err != nil {
						fail(err)
					}
					read.Add(1)
				}
			})
		}
	}
	all.Wait()
	err := end()
	select {
	case first := <-failed:
		err = errors.Join(first, err)
	default:
	}
	if err != nil {
		t.Fatal(err)
	}
	apitest.Until(t, "a seq of every event", func() bool {
		return apitest.Int(t, c.Database, "SELECT count(*) FROM events WHERE seq IS NULL") == 0
	})
	bad, changes := 0, 0
	for _, f := range viewers {
		bad += f.check(t, c)
		for _, began := range f.began {
			changes += len(began)
		}
	}
	t.Logf("%d pages beside %d follows and unfollows, %d writers killed: %d cursors cover what their page does not show",
		read.Load(), changes, killed.Load(), bad)
	if changes < pages/50 || d != nil && killed.Load() == 0 {
		t.Error("that is too little to show anything")
	}
}
