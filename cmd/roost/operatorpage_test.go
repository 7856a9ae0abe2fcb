package main

import (
	"regexp"
	"strings"
	"testing"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/testtime"
)

// Every metric that the script of the operator's page names is one of a running node. The hot tweets are named after a whole minute of
// reactions only; TestHotTweetsOfTheOperatorPage is about their name.
func TestOperatorPageShowsMetricsThatExist(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded, func(c *app.Config) { c.Budget, c.BudgetAddress = 1_000_000, 1_000_000 })
	at := "http://" + r.App.AdminAddr().String()
	u := r.SignUp(t, "operator")
	u.React(t, u.Tweet(t, "seen by the operator"), "LIKE")
	u.Home(t, 1)
	_, _ = u.Try("{ nothing }", nil)
	_, header, page := get(at + "/")
	if !strings.Contains(page, "/operator/page.js") || !strings.Contains(header.Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("%v, %s", header, page)
	}
	_, _, script := get(at + "/operator/page.js")
	names := regexp.MustCompile(`"((?:roost|go|process)_\w+)"`).FindAllStringSubmatch(script, -1)
	if len(names) < 40 || strings.Count(script, "roost_") != strings.Count(script, `"roost_`) {
		t.Fatalf("the script has %d names of metrics, and others that this test does not see", len(names))
	}
	var missing string
	defer func() {
		if missing != "" {
			t.Error("no metric of the node is", missing)
		}
	}()
	testtime.Until(t, "all metrics of the script", func() bool { // groups have figures once they have looked at the log
		_, _, metrics := get(at + "/metrics")
		missing = ""
		for _, name := range names {
			if !strings.Contains(metrics, "\n"+name[1]+"{") && !strings.Contains(metrics, "\n"+name[1]+" ") && name[1] != "roost_hot_tweets" {
				missing = name[1]
			}
		}
		return missing == "" && strings.Contains(metrics, `le="0.25"`)
	})
}
