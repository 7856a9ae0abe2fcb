package api

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/testkit/apitest"
)

// list is a connection: a query with a place for its arguments and fields, and where the answer has it.
type list struct{ name, query, at string }

var (
	homeOf = list{"home timeline", "{ viewer { list: homeTimeline(%s) { %s } } }", "viewer.list."}
	ownOf  = list{"own timeline", "{ viewer { user { list: timeline(%s) { %s } } } }", "viewer.user.list."}
)

// listOf is a list of a user's: timeline, followers or following.
func listOf(field, username string) list {
	return list{field + " of " + username, "{ user(username: \"" + username + "\") { list: " + field + "(%s) { %s } } }", "user.list."}
}

// listPage is the answer to one question about a list.
type listPage struct {
	ids            []string
	next, previous bool
	start, end     string
}

func (l list) read(t testing.TB, c *apitest.Client, args string) listPage {
	t.Helper()
	res := c.Must(t, fmt.Sprintf(l.query, args,
		"edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"), nil)
	p := listPage{ids: res.Strings(l.at+"nodes", "id"), next: res.Get(l.at+"pageInfo.hasNextPage") == true,
		previous: res.Get(l.at+"pageInfo.hasPreviousPage") == true,
		start:    res.String(l.at + "pageInfo.startCursor"), end: res.String(l.at + "pageInfo.endCursor")}
	edges := res.Get(l.at + "edges").([]any)
	if len(edges) != len(p.ids) {
		t.Fatalf("%s (%s): %d edges and %d nodes", l.name, args, len(edges), len(p.ids))
	}
	for i, e := range edges {
		if apitest.Get(e, "node.id") != p.ids[i] {
			t.Fatalf("%s (%s): edges and nodes differ: %s", l.name, args, res.Data)
		}
	}
	if n := len(edges); n > 0 && (apitest.Get(edges[0], "cursor") != p.start || apitest.Get(edges[n-1], "cursor") != p.end) {
		t.Errorf("%s (%s): the page's cursors are not those of its ends", l.name, args)
	}
	return p
}

// forward reads a list from its newest entry to its end; between, if not nil, runs before each further
// page.
func forward(t testing.TB, c *apitest.Client, l list, size int, between func()) (ids []string) {
	t.Helper()
	args := fmt.Sprintf("first: %d", size)
	for n := 0; ; n++ {
		p := l.read(t, c, args)
		ids = append(ids, p.ids...)
		if between == nil && p.previous != (n > 0) {
			t.Errorf("%s: page %d of %d: hasPreviousPage is %v", l.name, n, size, p.previous)
		}
		if !p.next {
			return ids
		}
		if len(p.ids) < size {
			t.Errorf("%s: a page of %d has %d entries before the end", l.name, size, len(p.ids))
		}
		if between != nil {
			between()
		}
		args = fmt.Sprintf("first: %d, after: %q", size, p.end)
	}
}

// backward reads a list from its oldest entry to its newest; the ids come newest first.
func backward(t testing.TB, c *apitest.Client, l list, size int, between func()) (ids []string) {
	t.Helper()
	args := fmt.Sprintf("last: %d", size)
	for n := 0; ; n++ {
		p := l.read(t, c, args)
		ids = slices.Concat(p.ids, ids)
		if between == nil && p.next != (n > 0) {
			t.Errorf("%s: page %d of %d, backward: hasNextPage is %v", l.name, n, size, p.next)
		}
		if !p.previous {
			return ids
		}
		if len(p.ids) < size {
			t.Errorf("%s: a page of %d has %d entries before the end", l.name, size, len(p.ids))
		}
		if between != nil {
			between()
		}
		args = fmt.Sprintf("last: %d, before: %q", size, p.start)
	}
}

// wander reads pages of random sizes up and down a list that does not change and is as wanted; without
// backward paging only down.
func wander(t testing.TB, c *apitest.Client, l list, want []string, rnd *rand.Rand, steps int, bothWays bool) {
	t.Helper()
	size := func() int { // small ones come up more often
		if rnd.IntN(2) == 0 {
			return 1 + rnd.IntN(5)
		}
		return 1 + rnd.IntN(100)
	}
	k := size()
	args := fmt.Sprintf("first: %d", k)
	from, to := 0, min(k, len(want)) // what the page must be of want
	if bothWays && rnd.IntN(2) == 0 {
		args = fmt.Sprintf("last: %d", k)
		from, to = max(0, len(want)-k), len(want)
	}
	for range steps {
		p := l.read(t, c, args)
		if !slices.Equal(p.ids, want[from:to]) {
			t.Errorf("%s (%s): %d entries, want %d to %d of %d: %s", l.name, args, len(p.ids), from, to, len(want),
				firstDifference(p.ids, want[from:to]))
			return
		}
		if p.next != (to < len(want)) || p.previous != (from > 0) {
			t.Errorf("%s (%s): %d to %d of %d, hasNextPage %v, hasPreviousPage %v", l.name, args, from, to, len(want), p.next, p.previous)
			return
		}
		k = size()
		switch {
		case p.next && (!bothWays || !p.previous || rnd.IntN(3) > 0):
			args = fmt.Sprintf("first: %d, after: %q", k, p.end)
			from, to = to, min(to+k, len(want))
		case p.previous && bothWays:
			args = fmt.Sprintf("last: %d, before: %q", k, p.start)
			from, to = max(0, from-k), from
		default:
			return
		}
	}
}

func firstDifference[T comparable](got, want []T) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("entry %d is %v, want %v", i, got[i], want[i])
		}
	}
	return "one ends before the other"
}
