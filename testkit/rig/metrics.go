package rig

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/testkit/apitest"
)

// Get reads a page of a node.
func Get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// Metrics reads /metrics of a node: the values by name and labels as they are written.
func Metrics(t *testing.T, r *apitest.Roost) map[string]float64 {
	t.Helper()
	_, page := Get(t, "http://"+r.App.AdminAddr().String()+"/metrics")
	all := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+(?:\{[^}]*\})?) (\S+)$`).FindAllStringSubmatch(page, -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatalf("%s: %v", m[0], err)
		}
		all[m[1]] = n
	}
	return all
}

// Percentile returns the duration that n percent of all do not exceed.
func Percentile(all []time.Duration, n int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)*n/100].Round(10 * time.Microsecond)
}

// Metric reads one sample, by name and labels as they are written, from an admin address; 0 if there is none.
func Metric(ctx context.Context, addr, sample string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(all), "\n") {
		if value, ok := strings.CutPrefix(line, sample+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, nil
}
