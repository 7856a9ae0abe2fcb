package server

import (
	"fmt"
	"net/netip"
	"strings"
)

// proxies are the networks whose X-Forwarded-For headers are trusted.
type proxies []netip.Prefix

// ParseProxies reads a list of networks such as 10.0.0.0/8 and addresses such as ::1, separated by commas.
// Empty entries are left out.
func ParseProxies(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil && addr.Zone() == "" {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is not a network like 10.0.0.0/8 or an address like 10.0.0.1", text)
		}
		out = append(out, p)
	}
	return out, proxies(out).check()
}

// check refuses a network that probably covers more addresses than the operator meant: all addresses, or a network whose text
// has bits beyond its length.
func (p proxies) check() error {
	for _, network := range p {
		switch {
		case !network.IsValid():
			return fmt.Errorf("%s is not a network", network)
		case network != network.Masked():
			return fmt.Errorf("%s has bits beyond its length: the network is %s", network, network.Masked())
		case network.Bits() == 0:
			return fmt.Errorf("%s trusts every client, so any client could claim any address", network)
		}
	}
	return nil
}

func (p proxies) trust(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address that a request comes from. That is the peer's, unless the peer is a trusted proxy and
// X-Forwarded-For names an address. The entries of all lines of the header are read from the right, where the nearest proxy
// writes:
//
//   - The first entry that is no trusted proxy is the client.
//   - If all entries are trusted proxies, the left-most one is.
//   - A malformed entry stops the scan: the proxy that wrote it is the client.
//
// An entry may have a port; without one the port is 0. Empty entries are ignored. changed is false if the result is the peer.
func (p proxies) client(peer string, forwarded []string) (client string, changed bool) {
	if len(p) == 0 {
		return peer, false
	}
	at, err := netip.ParseAddrPort(peer)
	if err != nil || !p.trust(at.Addr().Unmap().WithZone("")) {
		return peer, false
	}
	for i := len(forwarded) - 1; i >= 0; i-- {
		for line := forwarded[i]; line != ""; {
			comma := strings.LastIndexByte(line, ',')
			entry := strings.Trim(line[comma+1:], " \t")
			line = line[:max(comma, 0)]
			if entry == "" {
				continue
			}
			next, ok := parseForwarded(entry)
			if !ok {
				return at.String(), changed
			}
			at, changed = next, true
			if !p.trust(next.Addr()) {
				return at.String(), true
			}
		}
	}
	return at.String(), changed
}

// parseForwarded reads an address as proxies write it: bare, with a port, or in brackets.
func parseForwarded(entry string) (netip.AddrPort, bool) {
	at, err := netip.ParseAddrPort(entry)
	if err != nil {
		if inner, ok := strings.CutPrefix(entry, "["); ok {
			entry, ok = strings.CutSuffix(inner, "]")
			if !ok || !strings.Contains(entry, ":") {
				return at, false
			}
		}
		addr, err := netip.ParseAddr(entry)
		if err != nil {
			return at, false
		}
		at = netip.AddrPortFrom(addr, 0)
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), at.Addr().Zone() == ""
}
