package server_test

import (
	"net/http"
	"strings"
	"testing"

	"roost/server"
)

// The schema has a tag for each form, with which a client asks whether its copy is good.
func TestSchemaHasATag(t *testing.T) {
	t.Parallel()
	text := "type Query { hello: String! }" + strings.Repeat(" # a comment", 500)
	f := start(t, func(c *server.Config) { c.SDL = text })
	ask := func(method string, headers ...string) answer {
		return send(t, method, f.url+"/schema.graphqls", "", append([]string{"Accept-Encoding", "identity"}, headers...)...)
	}
	a := ask("GET")
	tag := a.header.Get("ETag")
	if a.status != http.StatusOK || a.body != text || len(tag) < 20 || a.header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("%d %v %.100s", a.status, a.header, a.body)
	}
	for sent, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200, strings.Trim(tag, `"`): 200,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := ask(method, "If-None-Match", sent)
			if a.status != want || a.header.Get("ETag") != tag || a.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s, If-None-Match %s: %d %v", method, sent, a.status, a.header)
			}
			if want == 304 && (a.body != "" || a.header.Get("Content-Length") != "") {
				t.Errorf("304 has a body: %v %q", a.header, a.body)
			}
		}
	}
	for _, coding := range []string{"gzip", "zstd"} {
		c := send(t, "GET", f.url+"/schema.graphqls", "", "Accept-Encoding", coding)
		if c.header.Get("Content-Encoding") != coding || len(c.body) > len(text)/4 || c.header.Get("ETag") == tag {
			t.Errorf("%s: %v, %d bytes", coding, c.header, len(c.body))
		}
		again := send(t, "GET", f.url+"/schema.graphqls", "", "Accept-Encoding", coding, "If-None-Match", c.header.Get("ETag"))
		if again.status != 304 {
			t.Errorf("%s again: %d", coding, again.status)
		}
	}
}
