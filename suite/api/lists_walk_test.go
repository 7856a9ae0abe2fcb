package api

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"roost/testkit/apitest"
	"roost/testkit/testtime"
)

// entry is an item of a modelled list: its id, and its sort key, which grows with every entry.
type entry struct {
	id      string
	sortKey int
}

// walked is a list that is changed and read at once, with what it should hold, newest first.
type walked struct {
	list    string
	entries []entry
	last    int
	pool    []*apitest.User
	owner   *apitest.User
}

// walks are the lists with what makes an entry come and go. Entries that can come back do so at the top.
var walks = map[string]struct {
	come func(w *walked, by *apitest.User) (id string, err error)
	goes func(w *walked, id string) error
	// returns says that items are users of the pool, who come and go again.
	returns bool
}{
	"viewer.user.timeline": {
		come: func(w *walked, _ *apitest.User) (string, error) { return tweeted(w.owner) },
		goes: func(w *walked, id string) error { return untweeted(w.owner, id) },
	},
	"viewer.homeTimeline": {
		come: func(w *walked, by *apitest.User) (string, error) { return tweeted(by) },
		goes: func(w *walked, id string) error {
			for _, u := range w.pool { // only its author may
				_ = untweeted(u, id)
			}
			return nil
		},
	},
	"viewer.user.followers": {
		come:    func(w *walked, by *apitest.User) (string, error) { return by.ID, follows(by, "followUser", w.owner.ID) },
		goes:    func(w *walked, id string) error { return follows(w.named(id), "unfollowUser", w.owner.ID) },
		returns: true,
	},
	"viewer.user.following": {
		come:    func(w *walked, by *apitest.User) (string, error) { return by.ID, follows(w.owner, "followUser", by.ID) },
		goes:    func(w *walked, id string) error { return follows(w.owner, "unfollowUser", id) },
		returns: true,
	},
}

func (w *walked) named(id string) *apitest.User {
	i := slices.IndexFunc(w.pool, func(u *apitest.User) bool { return u.ID == id })
	return w.pool[i]
}

func tweeted(u *apitest.User) (string, error) {
	res, err := u.Try(`mutation { createTweet(input: {text: "hello"}) { tweet { id } userErrors { code } } }`, nil)
	if err != nil {
		return "", err
	}
	return res.String("createTweet.tweet.id"), nil
}

func untweeted(u *apitest.User, id string) error {
	_, err := u.Try(`mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { userErrors { code } } }`, apitest.Vars{"id": id})
	return err
}

func follows(u *apitest.User, mutation, id string) error {
	_, err := u.Try(`mutation($id: ID!) { `+mutation+`(input: {userId: $id}) { userErrors { code } } }`, apitest.Vars{"id": id})
	return err
}

// walksInAll is how many walks are made through each list; a soak makes as many as rapid wants.
const walksInAll = 12

// Who walks through a list while others change it sees, page by page, exactly what the list holds
// beyond the last cursor: nothing twice, nothing left out that stays.
func TestWalkingThroughChangingLists(t *testing.T) {
	for list := range walks {
		t.Run(list, func(t *testing.T) {
			apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
				pool := r.SignUps(t, "pool", 6)
				few := walksInAll
				if testtime.Soaking() {
					few = math.MaxInt
				}
				rapid.Check(t, func(rt *rapid.T) {
					if few--; few < 0 {
						return
					}
					ended := false
					defer func() {
						if !ended {
							few = math.MaxInt // rapid looks for a smaller one
						}
					}()
					w := &walked{list: list, pool: pool, owner: r.SignUp(t, "owner")}
					if list == "viewer.homeTimeline" {
						// The pool's earlier tweets are of other walks.
						for _, u := range pool {
							w.must(rt, follows(w.owner, "followUser", u.ID))
						}
						for _, id := range w.owner.Home(t, 100) {
							w.must(rt, walks[list].goes(w, id))
						}
					}
					w.walk(rt)
					ended = true
				})
			})
		})
	}
}

func (w *walked) must(rt *rapid.T, err error) {
	if err != nil {
		rt.Fatal(err)
	}
}

// come makes an entry come; goes makes one go.
func (w *walked) come(rt *rapid.T) {
	by := w.pool[rapid.IntRange(0, len(w.pool)-1).Draw(rt, "by")]
	if walks[w.list].returns {
		if slices.ContainsFunc(w.entries, func(e entry) bool { return e.id == by.ID }) {
			w.goes(rt, by.ID)
		}
	}
	id, err := walks[w.list].come(w, by)
	w.must(rt, err)
	w.last++
	w.entries = slices.Insert(w.entries, 0, entry{id, w.last})
}

func (w *walked) goes(rt *rapid.T, id string) {
	w.must(rt, walks[w.list].goes(w, id))
	w.entries = slices.DeleteFunc(w.entries, func(e entry) bool { return e.id == id })
}

// walk goes through the list in one direction while it changes, several times.
func (w *walked) walk(rt *rapid.T) {
	for range rapid.IntRange(0, 6).Draw(rt, "before") {
		w.come(rt)
	}
	backward := lists[w.list].bothWays && rapid.Bool().Draw(rt, "backward")
	at := &position{}
	for range rapid.IntRange(4, 12).Draw(rt, "steps") {
		switch rapid.SampledFrom([]string{"come", "come", "go", "go behind", "page", "page", "page"}).Draw(rt, "step") {
		case "come":
			w.come(rt)
		case "go":
			if len(w.entries) > 0 {
				w.goes(rt, rapid.SampledFrom(w.entries).Draw(rt, "entry").id)
			}
		case "go behind": // everything that the walk has seen
			for _, e := range slices.Clone(w.entries) {
				if at.cursor != "" && ((!backward && e.sortKey >= at.sortKey) || (backward && e.sortKey <= at.sortKey)) {
					w.goes(rt, e.id)
				}
			}
		case "page":
			at = w.page(rt, at, rapid.IntRange(1, 4).Draw(rt, "size"), backward)
		}
	}
}

// position is where a walk has come to; a new one is at the end where it begins.
type position struct {
	cursor  string
	sortKey int
}

// page reads the next page, compares it with the model, and returns the position after it.
func (w *walked) page(rt *rapid.T, at *position, size int, backward bool) *position {
	args, vars := "first: $n, after: $c", apitest.Vars{"n": size, "c": nil}
	if backward {
		args = "last: $n, before: $c"
	}
	if at.cursor != "" {
		vars["c"] = at.cursor
	}
	res, err := w.owner.Try(ask(w.list, "($n: Int, $c: String)", args), vars)
	w.must(rt, err)
	want, next, previous := w.window(at, size, backward)
	var ids []string
	for _, e := range want {
		ids = append(ids, e.id)
	}
	info := w.list + ".pageInfo."
	got := fmt.Sprint(res.Strings(w.list+".nodes", "id"), res.Get(info+"hasNextPage"), res.Get(info+"hasPreviousPage"))
	if expected := fmt.Sprint(ids, next, previous); got != expected {
		rt.Fatalf("%d from sort key %d, backward %v: %s, want %s of %v", size, at.sortKey, backward, got, expected, w.entries)
	}
	first, last := res.String(info+"startCursor"), res.String(info+"endCursor")
	if len(want) == 0 {
		if res.Get(info+"startCursor") != nil || res.Get(info+"endCursor") != nil {
			rt.Fatalf("an empty page has cursors: %s", res.Data)
		}
		return at
	}
	edges := res.Strings(w.list+".edges", "cursor")
	if edges[0] != first || edges[len(edges)-1] != last || len(edges) != len(want) {
		rt.Fatalf("the cursors of the page are not its edges': %s", res.Data)
	}
	if backward {
		return &position{first, want[0].sortKey}
	}
	return &position{last, want[len(want)-1].sortKey}
}

// window is what the model has of a page.
func (w *walked) window(at *position, size int, backward bool) (page []entry, next, previous bool) {
	var newer, rest []entry // of the cursor, or of where the walk begins
	for _, e := range w.entries {
		switch {
		case !backward && at.cursor != "" && e.sortKey >= at.sortKey:
			newer = append(newer, e)
		case backward && at.cursor != "" && e.sortKey <= at.sortKey:
			rest = append(rest, e)
		case backward:
			newer = append(newer, e)
		default:
			rest = append(rest, e)
		}
	}
	if backward {
		from := max(0, len(newer)-size)
		return newer[from:], len(rest) > 0, from > 0
	}
	to := min(len(rest), size)
	return rest[:to], to < len(rest), len(newer) > 0
}
