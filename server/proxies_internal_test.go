package server

import (
	"strings"
	"testing"
)

func TestParseProxies(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"":                           "",
		" , ":                        "",
		"10.0.0.0/8, ::1 ,192.0.2.7": "10.0.0.0/8 ::1/128 192.0.2.7/32",
		"2001:db8::/32":              "2001:db8::/32",
		"10.0.0.1/8":                 "fault: 10.0.0.1/8 has bits beyond its length: the network is 10.0.0.0/8",
		"0.0.0.0/0":                  "fault: 0.0.0.0/0 trusts every client",
		"10.0.0.0/8,::/0":            "fault: ::/0 trusts every client",
		"proxy.internal":             `fault: "proxy.internal" is not a network`,
		"10.0.0.0/33":                `fault: "10.0.0.0/33" is not a network`,
		"fe80::1%eth0":               `fault: "fe80::1%eth0" is not a network`,
		"::ffff:10.0.0.0/104":        `fault: "::ffff:10.0.0.0/104" is not a network`,
		"10.0.0.1:80":                `fault: "10.0.0.1:80" is not a network`,
		"10.0.0.0/8 10.1.0.0/16":     `fault: "10.0.0.0/8 10.1.0.0/16" is not a network`,
	} {
		all, err := ParseProxies(list)
		var got []string
		for _, p := range all {
			got = append(got, p.String())
		}
		if fault, bad := strings.CutPrefix(want, "fault: "); bad {
			if err == nil || !strings.HasPrefix(err.Error(), fault) {
				t.Errorf("%q: %v", list, err)
			}
		} else if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v", list, got, err)
		}
	}
}

// Whose address counts, by the peer and the lines of X-Forwarded-For.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	all, err := ParseProxies("10.0.0.0/8, 192.0.2.7, fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string // the peer if empty
	}{
		{"nobody is forwarded", "10.1.2.3:5", nil, ""},
		{"an untrusted peer", "203.0.113.9:5", []string{"198.51.100.1"}, ""},
		{"a neighbour of a trusted one", "192.0.2.8:5", []string{"198.51.100.1"}, ""},
		{"one proxy", "10.1.2.3:5", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"what the client claimed before", "10.1.2.3:5", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1:0"},
		{"a claim in a line of its own", "10.1.2.3:5", []string{"1.2.3.4", "198.51.100.1"}, "198.51.100.1:0"},
		{"a claim to be a proxy", "10.1.2.3:5", []string{"10.9.9.9, 198.51.100.1"}, "198.51.100.1:0"},
		{"three proxies", "10.1.2.3:5", []string{"1.2.3.4, 198.51.100.1, 192.0.2.7", "10.4.4.4"}, "198.51.100.1:0"},
		{"only proxies", "10.1.2.3:5", []string{"10.7.7.7, 10.4.4.4"}, "10.7.7.7:0"},
		{"a port", "10.1.2.3:5", []string{"198.51.100.1:4711"}, "198.51.100.1:4711"},
		{"IPv6", "[fd00::1]:5", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"IPv6 in brackets", "[fd00::1]:5", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"IPv6 and a port", "[fd00::1]:5", []string{"[2001:db8::7]:99"}, "[2001:db8::7]:99"},
		{"IPv4 written as IPv6", "10.1.2.3:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1:0"},
		{"a proxy written as IPv6", "[::ffff:10.1.2.3]:5", []string{"198.51.100.1, ::ffff:10.4.4.4"}, "198.51.100.1:0"},
		{"a peer with a zone", "[fd00::1%eth0]:5", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"blanks and empty entries", "10.1.2.3:5", []string{" 198.51.100.1 ,\t, ", ""}, "198.51.100.1:0"},
		{"nothing but commas", "10.1.2.3:5", []string{",,"}, ""},
		{"no address", "10.1.2.3:5", []string{"198.51.100.1, unknown"}, ""},
		{"no address behind a proxy", "10.1.2.3:5", []string{"198.51.100.1, unknown, 10.4.4.4"}, "10.4.4.4:0"},
		{"a name", "10.1.2.3:5", []string{"client.example"}, ""},
		{"half a bracket", "10.1.2.3:5", []string{"[2001:db8::7"}, ""},
		{"IPv4 in brackets", "10.1.2.3:5", []string{"[198.51.100.1]"}, ""},
		{"a zone", "10.1.2.3:5", []string{"fe80::1%eth0"}, ""},
		{"a port beyond", "10.1.2.3:5", []string{"198.51.100.1:99999"}, ""},
		{"no peer", "@", []string{"198.51.100.1"}, ""},
	} {
		if c.want == "" {
			c.want = c.peer
		}
		if got, changed := proxies(all).client(c.peer, c.forwarded); got != c.want || changed != (c.want != c.peer) {
			t.Errorf("%s: %s (changed: %t), want %s", c.name, got, changed, c.want)
		}
	}
}
