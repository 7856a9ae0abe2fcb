package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/server/budget"
	"roost/server/guard"
)

// checkBudgets checks the budgets of callers.
func (c *Config) checkBudgets(bad *mistakes) {
	limits := guard.Defaults()
	bad.add("budget", budget.Check(c.Budget, limits.Cost))
	bad.add("budget-address", budget.Check(c.BudgetAddress, limits.AnonymousCost))
}

// newBudgets returns the budgets of callers, nil if there are none. Nodes share them through Redis. An embedded Redis belongs to
// one node, which needs no other place for them.
func (a *App) newBudgets() (*budget.Budgets, error) {
	c := budget.Config{User: a.Config.Budget, Address: a.Config.BudgetAddress}
	if c.User == 0 && c.Address == 0 {
		return nil, nil
	}
	if !a.redis.Embedded() {
		shared, err := cache.NewBudgets(a.redis)
		if err != nil {
			return nil, err
		}
		c.Store = shared
	}
	b := budget.New(c)
	a.services.Add("budget reporter", b.Reporter())
	return b, nil
}

// budgetMetrics returns the metrics of the budgets of callers.
func (a *App) budgetMetrics() prometheus.Collector {
	s := &snapshot[budget.Stats]{read: a.budgets.Stats}
	const refused, why = "budget_refused_total",
		"Operations refused because a budget was spent: of a user, of the callers without a session of an address, or of all users of one."
	for kind, name := range map[budget.Kind]string{budget.User: "user", budget.Address: "address", budget.Users: "users"} {
		s.counter(refused, why, func(of budget.Stats) int64 { return of.Refused[kind] }, "of", name)
	}
	const reports, help = "budget_reports_total", "Reports of spendings to Redis, by whether it answered."
	s.counter(reports, help, func(of budget.Stats) int64 { return of.Reported }, "answered", "yes")
	s.counter(reports, help, func(of budget.Stats) int64 { return of.Failed }, "answered", "no")
	s.counter("budget_waits_total", "Operations that waited for a report.", func(of budget.Stats) int64 { return of.Waited })
	s.gauge("budget_callers", "Callers of whom the node remembers what they have spent.",
		func(of budget.Stats) float64 { return float64(of.Keys) })
	return s
}
