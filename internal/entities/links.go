package entities

import (
	"golang.org/x/net/idna"
)

// Limits of links, in UTF-16 code units and in characters of DNS.
const (
	maxLink  = 4096
	maxLabel = 63
)

// none is the end of what is not there.
const none = -1

// links appends the links of the text, in order.
func (s *scan) links(found []span) []span {
	s.findHosts()
	for i := 0; i < len(s.chars); {
		l, ok := s.linkAfter(i)
		if !ok {
			i++
			continue
		}
		found = s.appendLink(found, l)
		i = l.end
	}
	return found
}

// link is a match: a host with what comes before and after it.
type link struct {
	start, host, hostEnd, pathEnd, end int // start differs from host if there is a protocol; pathEnd is none without a path
	glued                              bool
}

// linkAfter returns the link that begins after the character at i, or at the beginning of the text.
func (s *scan) linkAfter(i int) (link, bool) {
	if s.is(i, beforeLink) {
		if s.chars[i] > 0xffff {
			// twitter-text takes the first half of a surrogate pair for what comes before, and the second for a part of the host.
			if l, ok := s.linkWithout(i); ok {
				return l, true
			}
		}
		if l, ok := s.linkAt(i + 1); ok {
			r := s.chars[i]
			l.glued = r == '-' || r == '_' || r == '.' || r == '/'
			return l, true
		}
	}
	if i == 0 {
		return s.linkAt(0)
	}
	return link{}, false
}

func (s *scan) linkAt(i int) (link, bool) {
	if host := s.protocol(i); host != i && host < len(s.chars) && s.hosts[host] != none {
		return s.complete(link{start: i, host: host}), true
	}
	return s.linkWithout(i)
}

func (s *scan) linkWithout(i int) (link, bool) {
	if i >= len(s.chars) || s.hosts[i] == none {
		return link{}, false
	}
	return s.complete(link{start: i, host: i}), true
}

// protocol returns the end of http:// or https:// at i, or i.
func (s *scan) protocol(i int) int {
	end := i
	for _, r := range "http" {
		if end >= len(s.chars) || s.chars[end]|0x20 != r {
			return i
		}
		end++
	}
	if s.at(end, 's') || s.at(end, 'S') {
		end++
	}
	if !s.isProtocolEnd(end) {
		return i
	}
	return end + len("://")
}

// complete finds the ends of a link of which start and host are known.
func (s *scan) complete(l link) link {
	l.hostEnd, l.pathEnd = int(s.hosts[l.host]), none
	l.end = l.hostEnd
	if s.at(l.end, ':') && s.isDigit(l.end+1) {
		for l.end++; s.isDigit(l.end); l.end++ {
		}
	}
	if s.at(l.end, '/') {
		l.end = s.path(l.end + 1)
		l.pathEnd = l.end
	}
	if s.at(l.end, '?') {
		for i := l.end + 1; s.is(i, inQuery); i++ {
			if s.is(i, endsQuery) {
				l.end = i + 1
			}
		}
	}
	return l
}

func (s *scan) isDigit(i int) bool { return i < len(s.chars) && '0' <= s.chars[i] && s.chars[i] <= '9' }

// path returns the end of the path whose first / is before i: the last character that may end one, or a balanced bracket.
func (s *scan) path(i int) int {
	end := i
	for {
		switch {
		case s.is(i, inPath):
			i++
			if s.is(i-1, endsPath) {
				end = i
			}
		case s.at(i, '('):
			closed := s.balanced(i)
			if closed == none {
				return end
			}
			i, end = closed, closed
		default:
			return end
		}
	}
}

// balanced returns the end of the bracket that opens at i, which may hold another one, or none. Neither is empty.
func (s *scan) balanced(i int) int {
	inner := s.while(i+1, inPath)
	if s.at(inner, ')') {
		if inner == i+1 {
			return none
		}
		return inner + 1
	}
	if !s.at(inner, '(') {
		return none
	}
	closed := s.while(inner+1, inPath)
	if closed == inner+1 || !s.at(closed, ')') {
		return none
	}
	closed = s.while(closed+1, inPath)
	if !s.at(closed, ')') {
		return none
	}
	return closed + 1
}

// appendLink appends what counts of a match: the whole of it after a protocol, else the names in it that need none.
func (s *scan) appendLink(found []span, l link) []span {
	protocol := l.host != l.start
	if !s.fits(l) || !protocol && l.glued {
		return found
	}
	if protocol {
		return append(found, span{kind: Link, start: l.start, end: l.end, protocol: true})
	}
	before := len(found)
	found = s.latinHosts(found, l.host, l.hostEnd)
	if last := len(found) - 1; last >= before && l.pathEnd != none && found[last].end == l.hostEnd {
		found[last].end = l.end
	}
	return found
}

// fits reports whether a link is short enough, and its host a name that DNS may have.
func (s *scan) fits(l link) bool {
	n := len("https://")
	if l.host != l.start {
		n = l.host - l.start
	}
	for _, r := range s.chars[l.start:l.end] {
		n += units(r)
	}
	if n > maxLink {
		return false
	}
	if isPrefix(s.chars[l.host:l.hostEnd], "xn--") && len(s.latinHosts(nil, l.host, l.hostEnd)) == 0 {
		return false
	}
	for i := l.host; i <= l.hostEnd; i++ {
		start, wide := i, false
		for ; i < l.hostEnd && s.chars[i] != '.'; i++ {
			wide = wide || s.chars[i] >= 0x80
		}
		if i-start > maxLabel || wide && !fitsEncoded(s.chars[start:i]) {
			return false
		}
	}
	return true
}

// fitsEncoded reports whether a label is at most maxLabel characters in Punycode. Its length in characters is bounded.
func fitsEncoded(label []rune) bool {
	encoded, err := idna.Punycode.ToASCII(string(label))
	return err != nil || len(encoded) <= maxLabel
}

func isPrefix(chars []rune, prefix string) bool {
	if len(chars) < len(prefix) {
		return false
	}
	for i, r := range prefix {
		if chars[i] != r {
			return false
		}
	}
	return true
}
