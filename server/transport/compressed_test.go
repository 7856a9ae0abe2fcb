package transport_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"roost/server/transport"
)

// raw sends a body and returns the answer as it came.
func (f *fixture) raw(t *testing.T, method, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, got
}

func plain(t *testing.T, coding string, body []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func echo(n int) string {
	return fmt.Sprintf(`{"query":"{echo(text:\"%s\")}"}`, strings.Repeat("x", n))
}

// many asks for a field many times.
func many(operation, field string) string {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, " f%d:%s", i, field)
	}
	return fmt.Sprintf(`{"query":"%s{%s}"}`, operation, b.String())
}

// Answers of queries are compressed from 1 KB on if the client accepts that. Shorter ones, errors, and answers of mutations, which
// may hold the key of a session, never are.
func TestCompressedAnswers(t *testing.T) {
	t.Parallel()
	const around = len(`{"data":{"echo":""}}`)
	f := start(t)
	for _, c := range []struct {
		name, method, body, accept string
		want                       string
		vary                       bool
	}{
		{"gzip", "POST", echo(5000), "gzip", "gzip", true},
		{"zstd", "POST", echo(5000), "gzip, deflate, br, zstd", "zstd", true},
		{"none", "POST", echo(5000), "", "", true},
		{"refused", "POST", echo(5000), "gzip;q=0, br", "", true},
		{"just long enough", "POST", echo(1024 - around), "gzip", "gzip", true},
		{"too short", "POST", echo(1023 - around), "gzip", "", false},
		{"large", "POST", echo(100_000), "zstd", "zstd", true},
		{"mutation", "POST", many("mutation", "signOut"), "gzip", "", false},
		{"query of many", "POST", many("query", "hello"), "gzip", "gzip", true},
		{"invalid", "POST", strings.Replace(echo(5000), "echo", "ohce", 1), "gzip", "", false},
		{"not JSON", "POST", strings.Repeat("x", 5000), "gzip", "", false},
		{"not allowed", "PUT", echo(5000), "gzip", "", false},
		{"head", "HEAD", "", "gzip", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bare, want := f.raw(t, c.method, c.body)
			resp, body := f.raw(t, c.method, c.body, "Accept-Encoding", c.accept)
			if got := resp.Header.Get("Content-Encoding"); got != c.want {
				t.Fatalf("Content-Encoding %q, want %q", got, c.want)
			}
			if resp.StatusCode != bare.StatusCode || plain(t, c.want, body) != string(want) {
				t.Errorf("%d %.100q, want %d %.100q", resp.StatusCode, plain(t, c.want, body), bare.StatusCode, want)
			}
			if c.method != "HEAD" && resp.Header.Get("Content-Length") != fmt.Sprint(len(body)) {
				t.Errorf("Content-Length %s of %d bytes", resp.Header.Get("Content-Length"), len(body))
			}
			if vary := resp.Header.Get("Vary") == "Accept-Encoding"; vary != c.vary || vary != (bare.Header.Get("Vary") != "") {
				t.Errorf("Vary %q, want %t", resp.Header.Get("Vary"), c.vary)
			}
			if c.want != "" && len(body) > len(want)/4 {
				t.Errorf("%d bytes of %d", len(body), len(want))
			}
		})
	}
}

// The answer counts as unread with its compressed size: a large answer that becomes small is not counted.
func TestCompressedAnswersHoldLess(t *testing.T) {
	t.Parallel()
	unread := transport.NewUnread(2 << 20)
	f := start(t, func(s *setup) { s.http.Unread = unread })
	resp, body := f.raw(t, "POST", echo(200_000), "Accept-Encoding", "gzip")
	if resp.StatusCode != http.StatusOK || len(body) > 16<<10 || unread.Held() != 0 {
		t.Errorf("%d, %d bytes, %d are held", resp.StatusCode, len(body), unread.Held())
	}
}
