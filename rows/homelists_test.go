package rows

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/cache"
	"roost/ent"
	"roost/internal/cursors"
	"roost/internal/moment"
	"roost/testkit/testtime"
)

// authors adds users and returns their ids, 1 and so on.
func (r *rig) authors(t *testing.T, n int) []int64 {
	t.Helper()
	all, rows := make([]int64, n), make([]*ent.UserCreate, n)
	for i := range all {
		all[i] = int64(i + 1)
		name := fmt.Sprint("author", i)
		rows[i] = r.client.User.Create().SetID(all[i]).SetUsername(name).SetName(name).SetEmail(name).SetCreatedAt(r.clock.Now())
	}
	if err := r.client.User.CreateBulk(rows...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all
}

// If too many lists are missing, the page comes from SQL, and each page reads some of them. Then pages come from lists, and need
// no SQL, also with PostgreSQL away.
func TestHomePageOfManyMissingLists(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	nodes := r.nodes(t, false)
	const authors = 2*maxMissingLists + 1
	all := r.authors(t, authors)
	var want []int64
	for _, a := range all {
		tweet, err := nodes[1].tweets.Post(t.Context(), a, "hello")
		if err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, int64(tweet.ID))
	}
	absent := 0
	for read := range 4 {
		page, err := nodes[0].store.HomePage(t.Context(), all[0], all, cursors.Whole(cursors.MaxSize))
		if err != nil || !slices.Equal(itemsOf(page), want[:cursors.MaxSize]) || !page.More {
			t.Errorf("read %d: %v, more %t, %v", read, itemsOf(page), page.More, err)
		}
		missing, lists := pagesFrom(t, nodes[0].store, "missing_lists"), pagesFrom(t, nodes[0].store, "lists")
		if missing != min(read+1, 2) || lists != max(read-1, 0) {
			t.Errorf("after read %d, %d pages lacked lists and %d came from lists", read, missing, lists)
		}
		absent += max(authors-read*maxMissingLists, 0)
		if n := counted(t, nodes[0].store.home.listsMissing); int(n) != absent {
			t.Errorf("after read %d, %v lists are counted as missing, want %d", read, n, absent)
		}
	}
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := nodes[0].store.HomePage(t.Context(), all[0], all, cursors.Whole(cursors.MaxSize)); err != nil {
		t.Errorf("a page whose lists are cached: %v", err)
	}
	if _, err := nodes[0].store.HomePage(t.Context(), 1, []int64{math.MaxInt64}, cursors.Whole(1)); err == nil {
		t.Error("a page whose lists are not cached needs no database")
	}
}

// While writers on two nodes post and delete, a page of either node shows every tweet that was acknowledged before the read began, and
// none whose deletion was; many pages come from lists that are kept.
func TestKeptHomePagesWhileTheyChange(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		nodes, all := r.nodes(t, true), r.authors(t, 12)
		const viewers = 3 // the first users, who follow different authors
		authorsOf := func(viewer int) []int64 { return append(slices.Clone(all[viewers:len(all)-viewer]), all[viewer]) }
		var last, deleted [12]atomic.Int64 // newest tweets whose post or deletion was acknowledged, by author
		var writers, readers sync.WaitGroup
		var done atomic.Bool
		// A write waits until pagesAWrite pages were read since the last one, so that a slow machine keeps as many lists as a fast one.
		const pagesAWrite = 6
		var pages atomic.Int64
		turn := make(chan struct{}, 1)
		post := func(n node, author int) error {
			tweet, err := n.tweets.Post(t.Context(), all[author], "hello")
			if err != nil {
				return err
			}
			if id := int64(tweet.ID); id%3 > 0 {
				last[author].Store(id)
			} else if err := n.tweets.Delete(t.Context(), all[author], id); err != nil {
				return err
			} else {
				deleted[author].Store(id)
			}
			return nil
		}
		for i, n := range nodes {
			writers.Go(func() {
				for w := range testtime.Soak(60, 3000) {
					select {
					case <-turn:
					case <-t.Context().Done():
						return
					}
					if err := post(n, 2*(w%6)+i); err != nil { // each author has one writer
						t.Error(err)
						return
					}
				}
			})
			for viewer := range viewers {
				readers.Go(func() {
					for !done.Load() {
						if pages.Add(1)%pagesAWrite == 0 {
							select {
							case turn <- struct{}{}:
							default:
							}
						}
						if err := readAcknowledged(t.Context(), n, all[viewer], authorsOf(viewer), all, &last, &deleted); err != nil && !t.Failed() {
							t.Errorf("node %d, viewer %d: %v", i, viewer, err)
						}
					}
				})
			}
		}
		writers.Wait()
		done.Store(true)
		readers.Wait()
		for i, n := range nodes {
			if kept, lists := pagesFrom(t, n.store, "kept"), pagesFrom(t, n.store, "lists"); kept < lists/10 || lists == 0 {
				t.Errorf("node %d has made %d pages of lists that are kept, and %d of others", i, kept, lists)
			}
		}
	})
}

// readAcknowledged reads a page and compares it with what was acknowledged before.
func readAcknowledged(ctx context.Context, n node, viewer int64, authors, all []int64, last, deleted *[12]atomic.Int64) error {
	var shown, gone []int64
	for i, a := range all {
		if slices.Contains(authors, a) {
			shown = append(shown, last[i].Load())
		}
		gone = append(gone, deleted[i].Load())
	}
	ctx, _ = moment.With(ctx)
	page, err := n.store.HomePage(ctx, viewer, authors, cursors.Whole(40))
	if err != nil {
		return err
	}
	ids := itemsOf(page)
	oldest := int64(math.MaxInt64)
	if !page.More {
		oldest = 0
	} else if len(ids) > 0 {
		oldest = ids[len(ids)-1]
	}
	for _, id := range shown {
		if id != 0 && id > oldest && !slices.Contains(ids, id) {
			return fmt.Errorf("tweet %d was acknowledged and is not among %v", id, ids)
		}
	}
	for _, id := range gone {
		if slices.Contains(ids, id) {
			return fmt.Errorf("tweet %d was deleted and is among %v", id, ids)
		}
	}
	return nil
}

// A journal finds every note since a position, and does not vouch for positions whose notes it has lost.
func TestJournal(t *testing.T) {
	t.Parallel()
	j := &journal{}
	is := func(author int64) func(int64) bool { return func(a int64) bool { return a == author } }
	check := func(when string, since uint64, author int64, want bool) {
		t.Helper()
		if now, ok := j.unchanged(since, journalSize, is(author)); ok != want || now != j.position() {
			t.Errorf("%s: author %d is unchanged since %d: %t, looked up to %d of %d", when, author, since, ok, now, j.position())
		}
	}
	check("empty", 0, 1, true)
	j.note(1)
	check("noted", 0, 1, false)
	check("another", 0, 2, true)
	check("later", 1, 1, true)
	if _, ok := j.unchanged(0, 0, is(2)); ok {
		t.Error("more notes than asked for were looked at")
	}
	at := j.position()
	j.noteAll()
	check("all", at, 2, false)
	check("after all", j.position(), 2, true)
	at = j.position()
	for range journalSize - 1 {
		j.note(1)
	}
	check("full", at, 2, true)
	j.note(2)
	check("overflown", at, 1, false)
	check("overflown", at+1, 2, false)
}

// fickle is a tier that says what the test wants.
type fickle struct {
	*cache.Tier
	copied, settled bool
	until           time.Time
}

func (f *fickle) Copies() bool { return true }

func (f *fickle) Load(ctx context.Context, reqs ...*cache.Request) error {
	err := f.Tier.Load(ctx, reqs...)
	for _, req := range reqs {
		req.Copied, req.Until = f.copied, f.until
	}
	return err
}

func (f *fickle) Settled(context.Context) bool { return f.settled }

// A list is kept only of copies, and used only while they live and the tier vouches for what was noted.
func TestWhenHomePagesAreKept(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	all := r.authors(t, 3)
	store, tier := r.here, &fickle{Tier: r.here.tier, copied: true, settled: true}
	store.home.tier = tier
	read := func(what, source string, authors ...int64) {
		t.Helper()
		before := pagesFrom(t, store, source)
		if _, err := store.HomePage(t.Context(), all[0], authors, cursors.Whole(5)); err != nil {
			t.Fatal(err)
		}
		if pagesFrom(t, store, source) != before+1 {
			t.Errorf("%s: the page is not of source %s", what, source)
		}
	}
	later := time.Now().Add(time.Hour)
	tier.copied, tier.until = false, later
	read("not of copies", "lists", all[1], all[0])
	read("after one that was not of copies", "lists", all[1], all[0])
	tier.copied, tier.until = true, time.Now()
	read("of copies that end now", "lists", all[1], all[0])
	read("after one of copies that ended", "lists", all[1], all[0])
	tier.until = later
	read("of copies", "lists", all[1], all[0])
	read("after one of copies", "kept", all[1], all[0])
	tier.settled = false
	read("without a settled tier", "lists", all[1], all[0])
	tier.settled = true
	read("with a settled tier", "kept", all[1], all[0])
	read("of others", "lists", all[2], all[0])
	read("of unsorted authors", "sql", all[2], all[1], all[0])
	read("of nobody but the viewer", "lists", all[0])
	read("of nobody but the viewer again", "kept", all[0])
	store.home.dropped("")
	read("after all copies were dropped", "lists", all[0])
	store.home.dropped(authorListKeys.of(all[1]))
	read("after another's list was dropped", "kept", all[0])
	store.home.dropped(authorListKeys.of(all[0]))
	read("after the own list was dropped", "lists", all[0])
	for range 40 {
		store.home.dropped(authorListKeys.of(all[1]))
	}
	read("after many others' lists were dropped", "kept", all[0])
	for range 40 {
		store.home.dropped(authorListKeys.of(all[1]))
	}
	read("after many more", "kept", all[0])
	for range minNotes + maxNotes + 1 {
		store.home.dropped(authorListKeys.of(all[1]))
	}
	read("after too many", "lists", all[0])
}

// A node that could not invalidate an author's list shows the tweet all the same: a list that it keeps is not used then.
func TestKeptHomePagesWhileRedisRefusesWrites(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	n, all := r.nodes(t, true)[0], r.authors(t, 2)
	authors := []int64{all[1], all[0]}
	read := func() []int64 {
		t.Helper()
		page, err := n.store.HomePage(t.Context(), all[0], authors, cursors.Whole(5))
		if err != nil {
			t.Fatal(err)
		}
		return itemsOf(page)
	}
	testtime.Until(t, "a page of a list that is kept", func() bool {
		read()
		return pagesFrom(t, n.store, "kept") > 0
	})
	r.redis.FailSaves()
	tweet, err := n.tweets.Post(t.Context(), all[1], "hello")
	if err != nil {
		t.Fatal(err)
	}
	if ids := read(); !slices.Equal(ids, []int64{int64(tweet.ID)}) {
		t.Errorf("the page has %v, not tweet %d", ids, tweet.ID)
	}
}
