package costs

import (
	"fmt"
	"testing"
	"time"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// userBudget is the smallest budget that a user may have.
const userBudget = 20_000

func withBudgets(c *app.Config) { c.Budget, c.BudgetAddress = userBudget, userBudget/2 }

const rateLimitFields = "rateLimit { cost limit remaining resetAt }"

// expensive is an operation of a few hundred points.
func expensive(u *apitest.User) string {
	return fmt.Sprintf("{ %s user(username: %q) { followers(first: 50) { nodes { id name bio } } } }", rateLimitFields, u.Name)
}

type rateLimit struct {
	cost, limit, remaining int
	resetAt                time.Time
}

// limitOf reads the budget from an answer, and compares it with the headers.
func limitOf(t *testing.T, res *apitest.Response) rateLimit {
	t.Helper()
	at, err := time.Parse(time.RFC3339, res.String("rateLimit.resetAt"))
	if err != nil {
		t.Fatal(err)
	}
	got := rateLimit{res.Int("rateLimit.cost"), res.Int("rateLimit.limit"), res.Int("rateLimit.remaining"), at}
	if h := res.Header.Get("RateLimit-Limit") + " " + res.Header.Get("RateLimit-Remaining"); h != fmt.Sprint(got.limit, got.remaining) {
		t.Errorf("the headers say %s, the field %+v", h, got)
	}
	return got
}

// earned is what comes back of a user's budget, at most.
func earned(since time.Time) int { return int(time.Since(since).Seconds()*userBudget/60) + 1 }

// spend asks until the caller is refused. It returns what was spent, the first and the last budget, and the refusal.
func spend(t *testing.T, u *apitest.User, query string) (spent int, first, last rateLimit, refused *apitest.Response) {
	t.Helper()
	for {
		res := u.Run(t, query, nil)
		if res.Status != 200 {
			return spent, first, last, res
		}
		last = limitOf(t, res)
		if spent == 0 {
			first = last
		}
		spent += last.cost
	}
}

// A user beyond the budget is refused without a statement, and with no more round trips than it takes to find out who the user is. The
// answers say what is left, asking for it is free, and others are served.
func TestRefusedCallersCostNoStore(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		got := limitOf(t, ada.Must(t, "{ "+rateLimitFields+" }", nil))
		if got.cost != 0 || got.limit != userBudget || got.remaining != userBudget {
			t.Errorf("at the beginning: %+v", got)
		}
		began := time.Now()
		spent, first, last, refused := spend(t, ada, expensive(ada))
		if first.cost < 100 || last.cost != first.cost || last.remaining > first.cost+earned(began) || last.resetAt.Before(began) {
			t.Errorf("from %+v to %+v", first, last)
		}
		if spent < userBudget-first.cost || spent > userBudget+earned(began) {
			t.Errorf("%d points were spent", spent)
		}
		if len(refused.Errors) != 1 || refused.Errors[0].Code() != "RATE_LIMITED" || refused.Status != 429 ||
			refused.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s", refused.Status, refused.Body)
		}
		if sql, redis := refused.Cost(); sql != 0 || redis > 1 {
			t.Errorf("a refusal costs %d statements and %d round trips", sql, redis)
		}
		res := ada.Must(t, "{ "+rateLimitFields+" }", nil)
		if got := limitOf(t, res); got.remaining > first.cost+earned(began) {
			t.Errorf("after the refusal: %+v", got)
		}
		bob.Must(t, expensive(bob), nil)
		r.Anonymous().Must(t, "{ __typename }", nil)
		if n := rig.Metrics(t, r)[`roost_budget_refused_total{of="user"}`]; n != 1 {
			t.Errorf("%v refusals are counted", n)
		}
	}, withBudgets)
}

// Two nodes let a user spend one budget, and a twentieth for each. A node whose Redis is away goes on with its own copy of the debt,
// and does not forget what was spent.
func TestBudgetsOfNodes(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server, withBudgets)
	other := apitest.Start(t, r.Config)
	ada := r.SignUp(t, "ada")
	began := time.Now()
	query := expensive(ada)
	spent, first, _, _ := spend(t, ada, query)
	more, _, _, _ := spend(t, rig.UserOn(other, ada), query)
	if most := userBudget + earned(began) + 2*max(userBudget/20, first.cost); spent+more > most {
		t.Errorf("%d points on two nodes, want at most %d", spent+more, most)
	}
	if more > spent/2 {
		t.Errorf("%d points on one node, and %d on the other", spent, more)
	}
	r.Redis.Stop()
	went := time.Now()
	if spent, _, _, _ = spend(t, ada, query); spent > earned(began) {
		t.Errorf("when Redis went the node forgot the debt: %d points, %s later", spent, time.Since(went))
	}
}
