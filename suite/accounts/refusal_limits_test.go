package accounts

import (
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// brokenLimits are the numbers that come with refusals, by code and path.
var brokenLimits = map[string]int{
	"TOO_LONG input.username": 30, "TOO_LONG input.email": 254, "TOO_LONG input.name": 50, "TOO_LONG input.bio": 160,
	"TOO_LONG input.websiteUrl": 200, "TOO_LONG input.device.token": 256, "TOO_LONG input.device.name": 100,
	"TOO_SHORT input.password": 8, "TOO_SHORT input.newPassword": 8, "TOO_LONG input.password": 1024, "TOO_LONG input.newPassword": 1024,
	"TOO_LONG input.text": 280, "LIMIT_REACHED input.userId": 5000,
}

// A refusal that is about a number carries it, for forms to show; others carry null.
func TestRefusalsCarryTheirLimit(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, other := r.SignUp(t, "refused"), r.SignUp(t, "other")
		_, err := r.DB(t).Writer().ExecContext(t.Context(), "INSERT INTO user_stats (user_id, following_count) VALUES ($1, 5000)",
			rig.UserRow(u.ID))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, c := range refusalsOf(u, other, other.Tweet(t, "not yours")) {
			query := strings.Replace(rig.Mutations[c.mutation], "userErrors { code path message }", "userErrors { code path limit }", 1)
			for _, e := range u.Must(t, query, apitest.Vars{"i": c.input}).Get("x.userErrors").([]any) {
				var path []string
				for _, name := range apitest.Get(e, "path").([]any) {
					path = append(path, name.(string))
				}
				what := apitest.Get(e, "code").(string) + " " + strings.Join(path, ".")
				seen[what] = true
				got, _ := apitest.Get(e, "limit").(float64)
				if want := brokenLimits[what]; int(got) != want || (want == 0) != (apitest.Get(e, "limit") == nil) {
					t.Errorf("%s, %s: %s has the limit %v, want %d", c.mutation, c.name, what, apitest.Get(e, "limit"), want)
				}
			}
		}
		for what := range brokenLimits {
			if !seen[what] {
				t.Errorf("nothing was refused with %s", what)
			}
		}
	})
}
