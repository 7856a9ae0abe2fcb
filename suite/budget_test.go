package suite

import (
	"encoding/json"
	"slices"
	"testing"

	"roost/internal/apitest"
)

// costed is an operation over HTTP with the number of SQL statements that it takes after the check of
// the session, whatever the size of its pages.
type costed struct {
	name, query string
	sql         int64
	// prepare gives who asks and what, for pages of n items; nil is the crowd's viewer with no variables
	// but n, and m for lists inside of lists.
	prepare func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars)
}

// Every operation takes a fixed number of statements: none of them depends on how many items a page
// has, and none waits for a timer to gather keys.
func TestStatementsDoNotDependOnPageSize(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		c := newCrowd(t, r)
		for _, op := range slices.Concat(costedReads, costedWrites) {
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				for _, n := range []int{1, 50} {
					op.check(t, c, n)
				}
			})
		}
		for _, p := range costedPushes {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				for _, n := range []int{1, 50} {
					p.check(t, c, n)
				}
			})
		}
	}, apitest.Metered)
}

func (op costed) check(t *testing.T, c *crowd, n int) {
	t.Helper()
	who, vars := c.viewer.Client, apitest.Vars{}
	if op.prepare != nil {
		who, vars = op.prepare(t, c, n)
	}
	page(vars, n)
	res := who.Must(t, op.query, vars)
	cost := res.Costs(t)
	if cost.SQL != op.sql || cost.Waits != 0 {
		t.Errorf("with pages of %d it took %d statements and %d batches that waited, want %d and 0", n, cost.SQL, cost.Waits, op.sql)
	}
	session := int64(0)
	if who.Key != "" {
		session = 1
	}
	if told, _ := res.Cost(); int64(told) != cost.SQL+session {
		t.Errorf("Server-Timing tells of %d statements, they were %d and %d for the session", told, cost.SQL, session)
	}
	refused(t, res)
}

// page adds the sizes of pages to variables.
func page(vars apitest.Vars, n int) {
	vars["n"], vars["m"] = n, min(n, 3)
}

// refused fails the test if the answer refuses an input: a refusal is cheap.
func refused(t *testing.T, res *apitest.Response) {
	t.Helper()
	var data map[string]struct{ UserErrors []any }
	if json.Unmarshal(res.Data, &data) != nil {
		return // not all fields are payloads
	}
	for name, payload := range data {
		if len(payload.UserErrors) > 0 {
			t.Errorf("%s was refused: %s", name, res.Data)
		}
	}
}
