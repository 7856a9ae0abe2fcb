package suite

import (
	"fmt"
	"reflect"
	"testing"

	"roost/internal/apitest"
)

// timelineQuery names a list of a viewer's that can be read both ways.
type timelineQuery string

const (
	homeOf timelineQuery = "homeTimeline"
	ownOf  timelineQuery = "timeline"
)

// page reads a page; between is called before each, except the first.
func (q timelineQuery) page(t testing.TB, c *apitest.Client, args string) *apitest.Response {
	t.Helper()
	fields := "(" + args + ") { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
	if q == homeOf {
		return c.Must(t, "{ viewer { list: homeTimeline"+fields+" } }", nil)
	}
	return c.Must(t, "{ viewer { user { list: timeline"+fields+" } } }", nil)
}

func (q timelineQuery) at() string {
	if q == homeOf {
		return "viewer.list."
	}
	return "viewer.user.list."
}

// nodes are the ids of a page.
func (q timelineQuery) nodes(res *apitest.Response) (ids []string) {
	for i := range res.Get(q.at() + "edges").([]any) {
		ids = append(ids, res.String(fmt.Sprintf("%sedges.%d.node.id", q.at(), i)))
	}
	return ids
}

// forward reads a list from its newest entry to its end; between, if not nil, runs before each further
// page.
func forward(t testing.TB, c *apitest.Client, q timelineQuery, size int, between func()) (ids []string) {
	t.Helper()
	args := fmt.Sprintf("first: %d", size)
	for n := 0; ; n++ {
		res := q.page(t, c, args)
		got := q.nodes(res)
		ids = append(ids, got...)
		if between == nil && res.Get(q.at()+"pageInfo.hasPreviousPage") != (n > 0) {
			t.Errorf("%s: page %d of %d: hasPreviousPage is wrong", q, n, size)
		}
		if res.Get(q.at()+"pageInfo.hasNextPage") != true {
			return ids
		}
		if len(got) < size {
			t.Errorf("%s: a page of %d has %d entries before the end", q, size, len(got))
		}
		if between != nil {
			between()
		}
		args = fmt.Sprintf("first: %d, after: %q", size, res.String(q.at()+"pageInfo.endCursor"))
	}
}

// backward reads a list from its oldest entry to its newest; the ids come newest first.
func backward(t testing.TB, c *apitest.Client, q timelineQuery, size int, between func()) (ids []string) {
	t.Helper()
	args := fmt.Sprintf("last: %d", size)
	for n := 0; ; n++ {
		res := q.page(t, c, args)
		got := q.nodes(res)
		ids = append(got[:len(got):len(got)], ids...)
		if between == nil && res.Get(q.at()+"pageInfo.hasNextPage") != (n > 0) {
			t.Errorf("%s: page %d of %d, backward: hasNextPage is wrong", q, n, size)
		}
		if res.Get(q.at()+"pageInfo.hasPreviousPage") != true {
			return ids
		}
		if len(got) < size {
			t.Errorf("%s: a page of %d has %d entries before the end", q, size, len(got))
		}
		if between != nil {
			between()
		}
		args = fmt.Sprintf("last: %d, before: %q", size, res.String(q.at()+"pageInfo.startCursor"))
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

func sameJSON(a, b any) bool { return reflect.DeepEqual(a, b) }
