package transport

import (
	"net"
	"net/netip"
)

// Network is what counts as one address, of a request's RemoteAddr: an IPv4 address, or the /64 that one
// IPv6 subscriber has. It is not valid if there is no address in it.
func Network(remote string) netip.Prefix {
	var addr netip.Addr
	if at, err := netip.ParseAddrPort(remote); err == nil {
		addr = at.Addr()
	} else {
		host, _, err := net.SplitHostPort(remote)
		if err != nil {
			host = remote
		}
		if addr, err = netip.ParseAddr(host); err != nil {
			return netip.Prefix{}
		}
	}
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}
