package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"roost/internal/errs"
	"roost/server/transport"
)

// withHost refuses requests whose Host header is not a name of this site. Any site can make its own name resolve to the
// address of this server (DNS rebinding). To the browser, that site's pages and this server then have the same origin, and
// only the Host header shows the difference.
//
// The site's names are the host names in PublicURL and Origins. Names of this machine and plain addresses are always
// accepted, because no page of another site has one of them as its own. The port does not matter: proxies and containers map it.
func (s *Server) withHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.origins.serves(r.Host) {
			transport.Refuse(w, r, http.StatusMisdirectedRequest, errs.New(errs.Forbidden,
				"this host is not served here; the server's --public-url or --origins has to name it"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serves reports whether a Host header names this site. An empty one does: programs that speak HTTP/1.0 send none.
func (o *origins) serves(host string) bool {
	name := hostname(host)
	return name == "" || o.hosts[name] != "" || isLocalhost(name) || isAddress(name)
}

// hostname returns the host in a Host header without the port, in lower case.
func hostname(host string) string {
	return strings.TrimSuffix(strings.ToLower((&url.URL{Host: host}).Hostname()), ".")
}

func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// IsLoopback reports whether a host is this machine, by name or address.
func IsLoopback(name string) bool {
	ip := net.ParseIP(name)
	return isLocalhost(name) || ip != nil && ip.IsLoopback()
}

// own reports whether a request comes from a page of the host to which it is sent, with the scheme that browsers use for
// that host. A page of http://site does not count as a page of https://site, because anybody on the network can forge it.
func (o *origins) own(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	scheme := o.hosts[hostname(r.Host)]
	switch {
	case r.TLS != nil:
		scheme = "https"
	case scheme == "":
		scheme = "http"
	}
	return u.Scheme == scheme
}
