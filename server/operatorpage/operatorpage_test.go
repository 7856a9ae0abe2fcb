package operatorpage_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"roost/server/operatorpage"
)

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

var reference = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

// The page and its files come from this address alone, under a policy that allows nothing else and nothing inline.
func TestPage(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	operatorpage.Mount(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	_, html := get(t, s.URL+"/")
	if inline := regexp.MustCompile(`<style|<script>|\sstyle=|\son\w+=`).FindString(html); inline != "" {
		t.Errorf("the page has %q, which its policy forbids", inline)
	}
	paths, files := []string{"/"}, 0
	for _, ref := range reference.FindAllStringSubmatch(html, -1) {
		switch {
		case strings.HasPrefix(ref[1], "/operator/"):
			paths = append(paths, ref[1])
			files++
		case ref[1] != "/metrics" && ref[1] != "/debug/pprof/":
			t.Errorf("the page refers to %s", ref[1])
		}
	}
	if files < 4 {
		t.Errorf("the page has %d files", files)
	}
	for _, path := range paths {
		res, body := get(t, s.URL+path)
		csp := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != http.StatusOK || body == "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s, %v", path, res.Status, res.Header)
		}
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") || strings.Contains(csp, "unsafe") ||
			!strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s has the policy %q", path, csp)
		}
		if again, _ := get(t, s.URL+path, "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %s", path, again.Status)
		}
		if strings.HasSuffix(path, ".js") && (len(body) >= 15_000 || !strings.HasPrefix(body, `"use strict";`) ||
			!strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript")) {
			t.Errorf("the script has %d bytes and the type %s", len(body), res.Header.Get("Content-Type"))
		}
		for _, elsewhere := range []string{"//fonts", "@import", "https://"} {
			if strings.Contains(body, elsewhere) {
				t.Errorf("%s has %q", path, elsewhere)
			}
		}
	}
	for _, path := range []string{"/operator/none.js", "/operator/operatorpage.go", "/operator/", "/none"} {
		if res, _ := get(t, s.URL+path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	res, err := http.Post(s.URL+"/", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST is answered with %s", res.Status)
	}
}
