package search_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"roost/domain/search"
	"roost/internal/sqldb"
	"roost/testkit/testtime"
)

// explained returns how long PostgreSQL executes the statement that a call sends, in milliseconds.
func (s *site) explained(t *testing.T, call func() error) float64 {
	t.Helper()
	var query string
	var args []any
	s.watched = func(q string, a []any) { query, args = q, a }
	err := call()
	s.watched = nil
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := sqldb.ScanOne(t.Context(), s.db, "EXPLAIN (ANALYZE, FORMAT JSON) "+query, args, &text); err != nil {
		t.Fatal(err)
	}
	var plans []struct {
		Time float64 `json:"Execution Time"`
	}
	if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return plans[0].Time
}

// quantiles returns the median, the 99th percentile and the maximum.
func quantiles(all []float64) (median, p99, most float64) {
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
}

// busy is how much longer statements may take on a busy machine.
var busy = testtime.Soak(10.0, 1)

// No search of the imported data takes PostgreSQL over 100 ms at p99, and finding users while somebody types takes 1 ms at the median.
func TestSearchPlans(t *testing.T) {
	t.Parallel()
	s := imported(t, true)
	rnd := rand.New(rand.NewPCG(3, 4))
	var tweets, users, named []float64
	for _, k := range s.queries(rnd, testtime.Soak(150, 1000)) {
		k.Size = 20
		tweets = append(tweets, s.explained(t, func() error {
			_, err := s.search.Tweets(t.Context(), k)
			return err
		}))
	}
	names, err := sqldb.ScanAll(t.Context(), s.db, "SELECT username FROM users ORDER BY md5(username) LIMIT 100", nil, sqldb.Column[string])
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		for _, query := range []string{name[:min(len(name), 1+i%5)], strings.ToUpper(name), ""} {
			took := s.explained(t, func() error {
				_, err := s.search.Users(t.Context(), search.UserKey{Query: query, Size: 10})
				return err
			})
			if users = append(users, took); query != "" {
				named = append(named, took)
			}
		}
	}
	median, p99, most := quantiles(tweets)
	t.Logf("a search for tweets takes %.2f ms, %.2f ms at p99, %.2f ms at most", median, p99, most)
	if p99 > 100*busy {
		t.Errorf("searches for tweets take %.1f ms at p99", p99)
	}
	median, p99, most = quantiles(named)
	t.Logf("a search for users takes %.3f ms, %.3f ms at p99, %.3f ms at most", median, p99, most)
	if all, _, _ := quantiles(users); median > 1*busy || all > 1*busy {
		t.Errorf("searches for users take %.2f ms at the median", median)
	}
}
