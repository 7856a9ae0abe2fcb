//go:build !race

package site_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"roost/site"
)

// discard is a ResponseWriter that keeps nothing but its headers.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// A page without a head of its own is made once; each request for it then costs only its headers.
func TestFixedPagesAreMadeOnce(t *testing.T) {
	s := newSite(t, func(c *site.Config) { c.Reader = nil })
	for _, path := range []string{"/", "/login", "/@ada", "/tweets/T1", "/other"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept", browser)
		w := discard{http.Header{}}
		if n := testing.AllocsPerRun(100, func() { s.ServeHTTP(w, r) }); n > 15 {
			t.Errorf("%s: %.0f allocations", path, n)
		}
	}
}
