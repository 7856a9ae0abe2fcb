package server_test

import (
	"net/http"
	"strings"
	"testing"

	"roost/server"
)

// A page of another site whose name resolves to this server gets nothing from it; names of the site and of this
// machine are served, and probes under any name.
func TestHosts(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) {
		c.PublicURL, c.Origins = "https://roost.example", []string{"https://App.example:8443"}
	})
	for host, served := range map[string]bool{
		"roost.example": true, "roost.example:443": true, "Roost.Example:8080": true, "roost.example.": true, "app.example": true,
		"localhost": true, "localhost:5173": true, "web.localhost": true, "127.0.0.1:8080": true, "[::1]:8080": true, "192.0.2.7": true,
		"evil.example": false, "evil.example:8080": false, "roost.example.evil.example": false, "evil-roost.example": false,
		"localhost.evil.example": false, "127.0.0.1.evil.example": false, "example": false,
	} {
		a := f.query(t, "{hello}", "Host", host)
		switch {
		case served && !a.has(http.StatusOK, `"hello"`):
			t.Errorf("%s is refused: %d %s", host, a.status, a.body)
		case !served && !a.has(http.StatusMisdirectedRequest, `"FORBIDDEN"`):
			t.Errorf("%s is served: %d %s", host, a.status, a.body)
		}
		for _, path := range []string{"/", "/playground", "/schema.graphqls"} {
			if a := send(t, "GET", f.url+path, "", "Host", host); (a.status == http.StatusOK) != served {
				t.Errorf("%s under %s: %d", path, host, a.status)
			}
		}
		if _, resp, err := f.dial(t, "", "Host", host); (err == nil) != served || err != nil && resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("a socket under %s: %v", host, err)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if a := send(t, "GET", f.url+path, "", "Host", host); a.status != http.StatusOK {
				t.Errorf("%s under %s: %d %s", path, host, a.status, a.body)
			}
		}
		if a := send(t, "GET", "http://"+f.AdminAddr().String()+"/metrics", "", "Host", host); a.status != http.StatusOK {
			t.Errorf("metrics under %s: %d", host, a.status)
		}
	}
}

// A page of the same host under another scheme is another site: anybody on the way can write a page of http://.
func TestOriginsCompareSchemes(t *testing.T) {
	t.Parallel()
	secure := start(t, func(c *server.Config) { c.PublicURL = "https://roost.example" })
	plain := start(t, func(c *server.Config) { c.PublicURL = "http://roost.example" })
	for _, c := range []struct {
		on           *fixture
		origin, host string
		allowed      bool
	}{
		{secure, "https://roost.example", "roost.example", true},
		{secure, "http://roost.example", "roost.example", false},
		{secure, "http://roost.example:8080", "roost.example:8080", false},
		{secure, "https://roost.example:8443", "roost.example:8443", true},
		{secure, "ftp://roost.example", "roost.example", false},
		{plain, "http://roost.example", "roost.example", true},
		{plain, "https://roost.example", "roost.example", false},
		{plain, "http://192.0.2.7:8080", "192.0.2.7:8080", true},
		{plain, "https://192.0.2.7:8080", "192.0.2.7:8080", false},
	} {
		a := c.on.query(t, "mutation{bump}", "Host", c.host, "Origin", c.origin)
		if (a.status == http.StatusOK) != c.allowed || !c.allowed && a.status != http.StatusForbidden {
			t.Errorf("%s at %s: %d %s", c.origin, c.host, a.status, a.body)
		}
		_, resp, err := c.on.dial(t, "", "Host", c.host, "Origin", c.origin)
		if (err == nil) != c.allowed || err != nil && resp.StatusCode != http.StatusForbidden {
			t.Errorf("a socket of %s at %s: %v", c.origin, c.host, err)
		}
	}
}

// The schema's description, the playground and suggestions can be turned off.
func TestSwitches(t *testing.T) {
	t.Parallel()
	all := start(t)
	none := start(t, func(c *server.Config) { c.NoIntrospection, c.NoPlayground, c.NoSuggestions = true, true, true })
	const browser = "text/html,*/*"
	for _, c := range []struct {
		name  string
		on    func(f *fixture) answer
		shown func(a answer) bool
	}{
		{name: "__schema", shown: func(a answer) bool { return a.has(200, `"queryType"`) },
			on: func(f *fixture) answer { return f.query(t, "{__schema{queryType{name}}}") }},
		{name: "__type", shown: func(a answer) bool { return a.has(200, `"fields"`) },
			on: func(f *fixture) answer { return f.query(t, `{__type(name:"Query"){fields{name}}}`) }},
		{name: "schema.graphqls", shown: func(a answer) bool { return a.status == 200 },
			on: func(f *fixture) answer { return send(t, "GET", f.url+"/schema.graphqls", "") }},
		{name: "schema.graphql", shown: func(a answer) bool { return a.status == 200 },
			on: func(f *fixture) answer { return send(t, "GET", f.url+"/schema.graphql", "") }},
		{name: "playground", shown: func(a answer) bool { return a.status == 200 },
			on: func(f *fixture) answer { return send(t, "GET", f.url+"/playground", "") }},
		{name: "the way to the playground", shown: func(a answer) bool { return a.status == http.StatusSeeOther },
			on: func(f *fixture) answer { return send(t, "GET", f.url+"/graphql", "", "Accept", browser) }},
	} {
		if a := c.on(all); !c.shown(a) {
			t.Errorf("%s is not there by default: %d %.200s", c.name, a.status, a.body)
		}
		if a := c.on(none); c.shown(a) {
			t.Errorf("%s is there: %d %.200s", c.name, a.status, a.body)
		}
	}
	for _, query := range []string{
		"{helo}", `{echo(tekst:"a")}`, "{tree(in:{vaule:1})}", "{tree(in:{kind:OKA})}", "{item(id:0){...f}} fragment f on Itm{id}",
		"{nodes(ids:[]){tag}}",
	} {
		with, without := all.query(t, query), none.query(t, query)
		if !with.has(200, "Did you mean") {
			t.Errorf("%s: %d %s", query, with.status, with.body)
		}
		if !without.has(200, "BAD_REQUEST") || strings.Contains(strings.ToLower(without.body), "did you mean") {
			t.Errorf("%s: %d %s", query, without.status, without.body)
		}
	}
	if a := none.query(t, "{hello __typename}"); !a.has(200, `"__typename":"Query"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Pages of other sites reach nothing at the admin address; a page whose name was made to lead to it cannot write.
func TestAdminAddressAndOtherPages(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *server.Config) {
		c.AdminHandlers = map[string]http.Handler{"POST /write": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	})
	admin := "http://" + f.AdminAddr().String()
	for _, c := range []struct {
		method, path string
		header       []string
		status       int
	}{
		{"GET", "/metrics", nil, 200},
		{"GET", "/metrics", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"GET", "/metrics", []string{"Sec-Fetch-Site", "none"}, 200},
		{"GET", "/metrics", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"GET", "/debug/pprof/trace?seconds=300", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "/write", nil, 200},
		{"POST", "/write", []string{"Origin", "http://evil.example:9090"}, 403},
		{"POST", "/write", []string{"Origin", admin, "Sec-Fetch-Site", "same-origin"}, 403},
	} {
		if a := send(t, c.method, admin+c.path, "", c.header...); a.status != c.status {
			t.Errorf("%s %s with %v: %d", c.method, c.path, c.header, a.status)
		}
	}
}
