package api

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"roost/domain/timelines"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// check returns what is wrong with a page that was asked for at a time.
func (s *shifting) check(p rig.HomePage, asked time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range p.Entries {
		by := e.By
		if by == 0 {
			by = p.Authors[i]
		}
		switch {
		case i > 0 && e.SortKey >= p.Entries[i-1].SortKey:
			return fmt.Errorf("the page is not in order: %v", p.Entries)
		case s.authorOf[e.Item] != 0 && s.authorOf[e.Item] != p.Authors[i]:
			return fmt.Errorf("the page has %v of the author %d", e, p.Authors[i])
		case s.deleted[e.Item].before(asked):
			return fmt.Errorf("the page has %v, whose tweet was deleted %s before it was asked for", e, asked.Sub(s.deleted[e.Item].answered))
		case s.undone[e].before(asked):
			return fmt.Errorf("the page has %v, which was undone %s before it was asked for", e, asked.Sub(s.undone[e].answered))
		case s.unfollowed[by].before(asked):
			return fmt.Errorf("the page has %v of %d, who was unfollowed %s before it was asked for", e, by, asked.Sub(s.unfollowed[by].answered))
		}
	}
	return nil
}

// checkFirst returns what is wrong with a page of the newest entries: it also shows everything that was posted before it was asked for.
func (s *shifting) checkFirst(p rig.HomePage, asked time.Time) error {
	if err := s.check(p, asked); err != nil || len(p.Entries) == 0 {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for tweet, came := range s.came {
		_, gone := s.deleted[tweet]
		_, left := s.unfollowed[s.authorOf[tweet]]
		if !came.before(asked) || gone || left || tweet < p.Entries[len(p.Entries)-1].SortKey {
			continue
		}
		if !slices.Contains(p.Entries, timelines.Entry{SortKey: tweet, Item: tweet}) {
			return fmt.Errorf("the first page lacks %d, which was posted %s before it was asked for", tweet, asked.Sub(came.answered))
		}
	}
	return nil
}

// walk reads the timeline from the newest entry to the oldest, one page on each node in turn. After each page it waits until something has
// changed, and reads the first page on the other node.
func (s *shifting) walk(t *testing.T, size int) (read []timelines.Entry, pages int) {
	t.Helper()
	seen := map[int64]timelines.Entry{}
	page := func(node, size int, below int64) (rig.HomePage, time.Time) {
		asked := time.Now()
		p, err := rig.ReadHomePage(t.Context(), rig.UserOn(s.nodes[node], s.viewer).Client, size, below)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Entries) > size || p.Next && len(p.Entries) < size {
			t.Errorf("a page of %d has %d entries, and more follow: %t", size, len(p.Entries), p.Next)
		}
		return p, asked
	}
	for below := int64(0); ; pages++ {
		p, asked := page(pages%2, size, below)
		if err := s.check(p, asked); err != nil {
			t.Errorf("page %d: %v", pages, err)
		}
		for _, e := range p.Entries {
			if first, twice := seen[e.Item]; twice || below != 0 && e.SortKey >= below {
				t.Errorf("page %d, after %d, has %v, which came before as %v", pages, below, e, first)
			}
			seen[e.Item] = e
		}
		read = append(read, p.Entries...)
		if !p.Next || t.Failed() {
			return read, pages + 1
		}
		below = p.Entries[size-1].SortKey
		select {
		case <-s.changed:
		case <-time.After(testtime.Patience):
			t.Fatal("nothing changes")
		}
		first, asked := page((pages+1)%2, size, 0)
		if err := s.checkFirst(first, asked); err != nil {
			t.Errorf("beside page %d: %v", pages, err)
		}
	}
}

// A viewer pages through 2,000 entries, on two nodes in turn, while tweets and retweets come, and tweets are deleted, retweets undone and
// authors unfollowed. Whatever keeps its place is read once and in order, no page is short while entries remain, and no page shows what had
// gone before the page was asked for.
func TestPagingWhileEntriesComeAndGo(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		const entries = 2000
		seed := rand.Uint64()
		dice := rand.New(rand.NewPCG(seed, 0))
		s := newShifting(t, a, b, dice, entries+entries/4)
		for range testtime.Soak(1, 3) {
			before := s.whole(t)
			arrivals, departures := s.arrivals, s.departures
			var read []timelines.Entry
			var pages int
			s.during(t, dice, func() { read, pages = s.walk(t, testtime.Soak(50, 10)) })
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			after := map[timelines.Entry]bool{}
			for _, e := range s.whole(t) {
				after[e] = true
			}
			stays := slices.DeleteFunc(slices.Clone(before), func(e timelines.Entry) bool { return !after[e] })
			stayed := map[timelines.Entry]bool{}
			for _, e := range stays {
				stayed[e] = true
			}
			kept := slices.DeleteFunc(slices.Clone(read), func(e timelines.Entry) bool { return !stayed[e] })
			if !slices.Equal(kept, stays) {
				t.Errorf("%d entries kept their places, and %d of them were read; seed %d", len(stays), len(kept), seed)
			}
			arrivals, departures = s.arrivals-arrivals, s.departures-departures
			t.Logf("%d entries on %d pages, %d of %d kept their places, %d came and %d went meanwhile", len(read), pages, len(stays), len(before),
				arrivals, departures)
			if len(read) < entries || arrivals < 30 || departures < 2 || len(stays) == len(before) {
				t.Errorf("that is too little to show anything; seed %d", seed)
			}
		}
		if from := pagesOf(t, a); a.Mode == apitest.Server && (from["kept"]+from["lists"] == 0 || from["deeper"] == 0) {
			t.Errorf("pages by source: %v", from)
		}
	})
}

// pagesOf returns how many home pages a node has read, by source.
func pagesOf(t *testing.T, r *apitest.Roost) map[string]float64 {
	t.Helper()
	all, out := rig.Metrics(t, r), map[string]float64{}
	for _, source := range []string{"kept", "lists", "deeper", "missing_lists", "sql"} {
		out[source] = all[fmt.Sprintf("roost_home_pages_total{source=%q}", source)]
	}
	return out
}
