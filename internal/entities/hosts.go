package entities

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// findHosts fills hosts: for each character the end of the longest name of a host that begins there, or none. A name is labels with
// dots after them and a top-level domain. Labels begin and end with a character of class inLabel and may have hyphens and
// underscores inside, but no underscores in the last label before the domain.
//
// It goes backwards. All beginnings inside one label have the same rest, so each dot is decided once.
func (s *scan) findHosts() {
	rest, domain := none, none // the longest name, and the top-level domain, after the dot that ends this label
	inside := false            // a dot ends this label, and the character before it may end one
	underscore := false        // this label has one after here
	for i := len(s.chars) - 1; i >= 0; i-- {
		s.hosts[i] = none
		switch r := s.chars[i]; {
		case r == '.':
			rest, domain = none, none
			if i+1 < len(s.chars) {
				rest, domain = int(s.hosts[i+1]), s.topLevel(i+1, len(s.chars))
			}
			inside = i > 0 && s.is(i-1, inLabel) && (rest != none || domain != none)
			underscore = false
		case r == '_':
			underscore = true
		case r == '-':
		case !s.is(i, inLabel):
			inside = false
		case inside && rest != none:
			s.hosts[i] = int32(rest)
		case inside && !underscore:
			s.hosts[i] = int32(domain)
		}
	}
}

// latinHosts appends the names between two characters that need no protocol: labels of class inLatinLabel and a top-level
// domain. The text between them is a host.
func (s *scan) latinHosts(found []span, i, limit int) []span {
	for i < limit {
		start := i
		end := none
		for {
			dot := min(s.while(i, inLatinLabel), limit)
			if dot == i || dot == limit || s.chars[dot] != '.' {
				i = max(dot, i+1)
				break
			}
			i = dot + 1
			if e := s.topLevel(i, limit); e != none {
				end = e
			}
		}
		if end != none {
			found = append(found, span{kind: Link, start: start, end: end})
			i = end
		}
	}
	return found
}

// topLevel returns the end of the top-level domain at i, or none. Letters and digits of ASCII, @, + or - do not follow it before
// limit. A label in Punycode counts as one.
func (s *scan) topLevel(i, limit int) int {
	list := domains()
	var name [utf8.UTFMax * longestDomain]byte
	key, end := name[:0], none
	for at := i; at < limit && at-i < list.longest; {
		r := s.chars[at]
		if !s.is(at, inLabel) {
			break
		}
		key = utf8.AppendRune(key, lower(r))
		at++
		if at < limit && (s.chars[at] == '@' || s.chars[at] == '+' || s.chars[at] == '-' || s.isASCIIWord(at)) {
			continue
		}
		if _, ok := list.names[string(key)]; ok {
			end = at
		}
	}
	if end == none && i+4 < limit && s.isPunycode(i) {
		end = i + 4
		for end < limit && (s.chars[end] == '-' || s.isASCIIWord(end)) {
			end++
		}
		if end == i+4 {
			return none
		}
	}
	return end
}

// isPunycode reports whether xn-- is at i.
func (s *scan) isPunycode(i int) bool {
	return s.chars[i]|0x20 == 'x' && s.chars[i+1]|0x20 == 'n' && s.chars[i+2] == '-' && s.chars[i+3] == '-'
}

// isASCIIWord reports whether the character at i is an ASCII letter or digit.
func (s *scan) isASCIIWord(i int) bool { return s.chars[i] != '_' && s.is(i, inName) }

// lower folds the case of one character, as regular expressions of JavaScript do: no other character folds to ASCII.
func lower(r rune) rune {
	if r < 0x80 {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if l := unicode.ToLower(r); l >= 0x80 {
		return l
	}
	return r
}

// longestDomain bounds the characters of top-level domains; those of the list have at most 18.
const longestDomain = 24

type domainList struct {
	names   map[string]struct{}
	longest int // in characters
}

// domains returns the top-level domains that tlds.go lists.
var domains = sync.OnceValue(func() domainList {
	list := domainList{names: map[string]struct{}{}}
	for _, name := range strings.Fields(topLevelDomains) {
		list.names[name] = struct{}{}
		list.longest = max(list.longest, utf8.RuneCountInString(name))
	}
	list.longest = min(list.longest, longestDomain)
	return list
})
