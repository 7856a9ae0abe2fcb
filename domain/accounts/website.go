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

// hosts maps host names to the form that DNS uses. Unlike idna.Lookup it accepts underscores, which some sites have.
var hosts = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.VerifyDNSLength(true))

var hostPattern = regexp.MustCompile(`^[a-z0-9_.-]+$`)

// checkWebsite returns the form in which the address of a website is stored: an absolute http or https URI in ASCII. It
// refuses characters that end an attribute in HTML, hidden characters, and user names, which look like hosts.
func checkWebsite(s string) (string, *errs.Error) {
	invalid := errs.New(errs.Invalid, "that is not an http or https address", "website")
	long := errs.New(errs.TooLong, "an address has at most 200 bytes", "website").Within(maxURL)
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

// normalHost returns a host name as DNS uses it, or an IP address, with the port if there is one.
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

// escapeNonASCII percent-encodes the bytes of characters beyond ASCII.
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
