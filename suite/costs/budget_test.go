package costs

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// price is what an operation takes after the check of the session: SQL statements, and round trips to Redis.
type price struct{ sql, trips int64 }

// costed is an operation over HTTP with what it takes, whatever the size of its pages: with nothing in the cache,
// and with all of it there that was not written lately. Its document and its budget are in testdata, in the file that
// its name begins with; [costed.priced] adds them. One that only the tests of plans run has its query here, and no budget.
type costed struct {
	name  string
	query string
	budget
	embedded bool // Redis runs in the process
	// prepare returns who asks and what, for pages of n items; nil is the crowd's viewer with no variables
	// but n, and m for lists inside of lists.
	prepare func(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars)
}

// Every operation takes a fixed number of statements and of round trips: none of them depends on how many items a
// page has, and none waits for a timer to gather keys. They are measured one after the other, for what one has
// read is in the cache for the next.
func TestCostsDoNotDependOnPageSize(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		c, db := newCrowd(t, r), r.DB(t)
		for _, op := range costedReads {
			t.Run(op.name, func(t *testing.T) {
				op := op.priced(t)
				op.embedded = r.Mode == apitest.Embedded
				for _, n := range []int{1, 50} {
					who, vars := op.asked(t, c, n)
					who.Must(t, op.query, vars) // the process keeps what it keeps of tweets
					op.check(t, "cold", op.cold, func() (*apitest.Client, apitest.Vars) {
						clearCache(t, r, db)
						return who, vars
					})
					for range readsUntilWarm {
						who.Must(t, op.query, vars)
					}
					op.check(t, "warm", op.warm, func() (*apitest.Client, apitest.Vars) { return who, vars })
				}
			})
		}
		for _, op := range costedWrites {
			t.Run(op.name, func(t *testing.T) {
				op := op.priced(t)
				op.embedded = r.Mode == apitest.Embedded
				for _, n := range []int{1, 50} {
					op.check(t, "cold", op.cold, func() (*apitest.Client, apitest.Vars) {
						who, vars := op.asked(t, c, n)
						clearCache(t, r, db)
						return who, vars
					})
					op.check(t, "warm", op.warm, func() (*apitest.Client, apitest.Vars) {
						who, vars := op.asked(t, c, n)
						rig.AwaitInvalidations(t, db)
						return who, vars
					})
				}
			})
		}
		for _, p := range costedPushes {
			t.Run(p.name, func(t *testing.T) {
				p := p.priced(t)
				for _, n := range []int{1, 50} {
					clearCache(t, r, db)
					p.check(t, c, n)
				}
			})
		}
	}, apitest.Metered, rig.Limited(1<<30, 1<<30), func(c *app.Config) { c.SignUpPerAddress, c.LoaderWait = 1<<30, loaderWait })
}

// readsUntilWarm is how often a cold operation is read before the process has a copy of each row: the first read fills Redis, the second
// copies what Redis has, and the third makes what is kept of several copies.
const readsUntilWarm = 3

// loaderWait is long enough for all fields of a level to ask before their batch is fetched, also on a busy machine. Plans do not wait.
const loaderWait = 30 * time.Millisecond

// priced returns the operation with its document, and with its budget if it has one.
func (op costed) priced(t testing.TB) costed {
	t.Helper()
	if op.query == "" {
		op.query, op.budget = budgetOf(t, op.name)
	} else {
		op.query = withFragments(t, op.query)
	}
	return op
}

// asked returns who asks, and the operation's variables.
func (op costed) asked(t *testing.T, c *crowd, n int) (*apitest.Client, apitest.Vars) {
	t.Helper()
	who, vars := c.viewer.Client, apitest.Vars{}
	if op.prepare != nil {
		who, vars = op.prepare(t, c, n)
	}
	page(vars, n)
	return who, vars
}

// clearCache empties the cache, but first waits until the invalidations of what was written have been repeated.
func clearCache(t *testing.T, r *apitest.Roost, db *sqldb.DB) {
	t.Helper()
	rig.AwaitInvalidations(t, db)
	rig.ClearCache(t, r)
}

// check runs the operation with what prepare returns, and compares what it and the check of its session took. On a busy machine a
// call to Redis may be so late that a row is read from SQL instead: a difference counts if it is there each of triesOfCosts times.
func (op costed) check(t *testing.T, how string, want price, prepare func() (*apitest.Client, apitest.Vars)) {
	t.Helper()
	for try := 1; ; try++ {
		who, vars := prepare()
		res := who.Must(t, op.query, vars)
		session := op.sessionDiffers(t, how, who, res)
		if took := op.took(t, res, want); try < triesOfCosts && (!took || session != "") {
			continue
		} else if !took {
			cost := res.Costs(t)
			t.Errorf("%s, with pages of %d, it took %+v and %d batches that waited, want %+v and 0", how, vars["n"], price{cost.SQL, cost.Redis},
				cost.Waits, want)
		}
		if session != "" {
			t.Error(session)
		}
		refused(t, res)
		return
	}
}

// sessionDiffers returns what is wrong with the cost of the check of the session, which takes the rest of what Server-Timing
// reports: one trip and no statement if the session is in the cache. It returns "" if nothing is wrong.
func (op costed) sessionDiffers(t *testing.T, how string, who *apitest.Client, res *apitest.Response) string {
	t.Helper()
	cost := res.Costs(t)
	sql, trips := res.Cost()
	session := price{int64(sql) - cost.SQL, int64(trips) - cost.Redis}
	switch {
	case session == price{} && (who.Key == "" || op.embedded), session == price{trips: 1}: // a Redis in the process is not asked for copies
		return ""
	// Of a session that was used for the first time, or whose copy was dropped:
	case session == price{sql: 1, trips: 3}, session == price{sql: 1, trips: 4}:
		if how == "warm" && op.prepare == nil {
			return fmt.Sprintf("%s: the check of the session takes %+v", how, session)
		}
		return ""
	}
	return fmt.Sprintf("%s: Server-Timing reports %d statements and %d round trips, they were %d and %d, and %+v for the session",
		how, sql, trips, cost.SQL, cost.Redis, session)
}

// took reports whether an answer took what is wanted, and no batch of it waited. Without plans only its statements are bounded:
// each question has a trip of its own then, and waits.
func (op costed) took(t *testing.T, res *apitest.Response, want price) bool {
	t.Helper()
	cost := res.Costs(t)
	if !apitest.Plans() {
		most := op.coldOff
		if want == op.warm {
			most = op.warmOff
		}
		return cost.SQL <= most
	}
	trips := cost.Redis
	if op.embedded {
		want.sql += op.budget.embedded
		trips = max(trips, want.trips) // there a copy takes no trip
	}
	return cost.Waits == 0 && want == price{cost.SQL, trips}
}

// triesOfCosts is how often an operation is measured before a difference counts.
const triesOfCosts = 8

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
