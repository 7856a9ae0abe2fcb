package accounts

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"roost/internal/errs"
	"roost/internal/visible"
)

// hosts maps host names to the form that DNS has. Unlike idna.Lookup it lets underscores pass, which some sites have.
var hosts = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.VerifyDNSLength(true))

var hostPattern = regexp.MustCompile(`^[a-z0-9_.-]+$`)

// checkWebsite gives the form in which a website's address is kept: an http or https URI of ASCII characters alone,
// which may be put into an attribute or a text of HTML as it is. Who shows it may not be led astray: user names, which
// look like hosts, hidden characters and those that end an attribute are refused.
func checkWebsite(s string) (string, *errs.Error) {
	invalid := errs.New(errs.Invalid, "that is not an http or https address", "input", "websiteUrl")
	long := errs.New(errs.TooLong, "an address has at most 200 bytes", "input", "websiteUrl")
	if len(s) > maxURL {
		return "", long
	}
	if !printable(s, false) || !visible.All(s) || strings.ContainsAny(s, "\"'`<>\\^{|}") {
		return "", invalid
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Opaque != "" || u.User != nil {
		return "", invalid
	}
	var ok bool
	if u.Host, ok = normalHost(u.Hostname(), u.Port()); !ok {
		return "", invalid
	}
	if _, err := url.PathUnescape(u.RawQuery); err != nil {
		return "", invalid
	}
	u.RawQuery = escapeNonASCII(u.RawQuery)
	kept := u.String()
	if len(kept) > maxURL {
		return "", long
	}
	return kept, nil
}

// normalHost gives a host as DNS has it, or an address of IP, with its port, if it has one.
func normalHost(host, port string) (string, bool) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if host = addr.String(); addr.Is6() {
			host = "[" + host + "]"
		}
		if addr.Zone() != "" {
			return "", false
		}
	} else {
		if host, err = hosts.ToASCII(host); err != nil || !hostPattern.MatchString(host) {
			return "", false
		}
	}
	if port == "" {
		return host, true
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port), true
}

// escapeNonASCII writes the bytes of characters beyond ASCII as RFC 3986 has them.
func escapeNonASCII(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] < 0x80 {
			b.WriteByte(s[i])
		} else {
			b.WriteString(url.QueryEscape(s[i : i+1]))
		}
	}
	return b.String()
}
