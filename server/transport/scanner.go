package transport

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON. Its methods report false for a text that is refused.
type scanner struct {
	raw    []byte
	at     int
	values int
	build  bool // whether values are made, not only checked
	high   bool // whether there are bytes beyond ASCII
}

// request reads the whole text as a request object.
func (s *scanner) request() (r Request, ok bool) {
	isText, isName, isID := true, true, true
	var name []byte
	var variables any
	ok = s.object(1, func(key []byte) (ok bool) {
		switch string(key) {
		case "query":
			r.Text, isText, ok = s.textOrNull()
		case "operationName":
			name, isName, ok = s.textOrNull()
		case "documentId":
			r.ID, isID, ok = s.textOrNull()
		case "variables":
			s.build = true
			variables, ok = s.value(1)
			s.build = false
		case "extensions":
			from := s.at
			_, ok = s.value(1)
			r.extensions = s.raw[from:s.at]
		default:
			_, ok = s.value(1)
		}
		return ok
	})
	s.space()
	if !ok || s.at != len(s.raw) || !isText || !isName || !isID {
		return r, false
	}
	r.OperationName = string(name)
	if r.Variables, ok = variables.(map[string]any); !ok && variables != nil {
		return r, false
	}
	switch {
	case string(r.extensions) == "null":
		r.extensions = nil
	case r.extensions != nil && r.extensions[0] != '{':
		return r, false
	}
	return r, true
}

// textOrNull reads a value that should be a string. Null is an empty text. isText is false for any other value, which is not
// refused yet, because a later entry with the same name may replace it.
func (s *scanner) textOrNull() (text []byte, isText, ok bool) {
	if s.at < len(s.raw) && s.raw[s.at] == '"' {
		s.at++
		text, ok = s.text()
		return text, true, ok
	}
	from := s.at
	_, ok = s.value(1)
	return nil, ok && string(s.raw[from:s.at]) == "null", ok
}

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next skips white space and returns the next byte, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.at >= len(s.raw) {
		return 0
	}
	s.at++
	return s.raw[s.at-1]
}

// object reads an object at a depth. It calls member behind each name and its colon, to read the value.
func (s *scanner) object(depth int, member func(key []byte) bool) bool {
	if s.next() != '{' || !s.count() || depth > maxJSONDepth {
		return false
	}
	if s.space(); s.at < len(s.raw) && s.raw[s.at] == '}' {
		s.at++
		return true
	}
	for {
		if s.next() != '"' {
			return false
		}
		key, ok := s.text()
		if !ok || s.next() != ':' {
			return false
		}
		s.space()
		if !member(key) {
			return false
		}
		switch s.next() {
		case ',':
			if !s.count() {
				return false
			}
		case '}':
			return true
		default:
			return false
		}
	}
}

// count counts a value against the limit.
func (s *scanner) count() bool {
	s.values++
	return s.values <= maxJSONValues
}

// value reads a value inside of depth objects and arrays, and returns it if build is set.
func (s *scanner) value(depth int) (any, bool) {
	s.space()
	if s.at >= len(s.raw) {
		return nil, false
	}
	switch c := s.raw[s.at]; c {
	case '{':
		return s.members(depth + 1)
	case '[':
		return s.items(depth + 1)
	case '"':
		s.at++
		text, ok := s.text()
		if !ok || !s.build {
			return nil, ok
		}
		return string(text), true
	case 't':
		return true, s.literal("true")
	case 'f':
		return false, s.literal("false")
	case 'n':
		return nil, s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.raw[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) members(depth int) (any, bool) {
	var m map[string]any
	if s.build {
		m = map[string]any{}
	}
	ok := s.object(depth, func(key []byte) bool {
		var name string
		if s.build {
			name = string(key)
		}
		v, ok := s.value(depth)
		if s.build {
			m[name] = v
		}
		return ok
	})
	return m, ok
}

func (s *scanner) items(depth int) (any, bool) {
	s.at++
	if !s.count() || depth > maxJSONDepth {
		return nil, false
	}
	items := []any{}
	if s.space(); s.at < len(s.raw) && s.raw[s.at] == ']' {
		s.at++
		return items, true
	}
	for {
		v, ok := s.value(depth)
		if !ok {
			return nil, false
		}
		if s.build {
			items = append(items, v)
		}
		switch s.next() {
		case ',':
			if !s.count() {
				return nil, false
			}
		case ']':
			return items, true
		default:
			return nil, false
		}
	}
}

// number reads a number, which stays as it was written: a 64-bit id does not fit a float64.
func (s *scanner) number() (any, bool) {
	from := s.at
	if s.raw[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.raw) && s.raw[s.at] == '0' {
		s.at++
	} else if !s.digits() {
		return nil, false
	}
	if s.at < len(s.raw) && s.raw[s.at] == '.' {
		if s.at++; !s.digits() {
			return nil, false
		}
	}
	if s.at < len(s.raw) && (s.raw[s.at] == 'e' || s.raw[s.at] == 'E') {
		if s.at++; s.at < len(s.raw) && (s.raw[s.at] == '+' || s.raw[s.at] == '-') {
			s.at++
		}
		if !s.digits() {
			return nil, false
		}
	}
	if !s.build {
		return nil, true
	}
	return json.Number(s.raw[from:s.at]), true
}

// digits skips at least one digit.
func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.raw) && s.raw[s.at] >= '0' && s.raw[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}

// text reads a string behind its quote. The result is part of the raw text if the string has no escapes.
func (s *scanner) text() ([]byte, bool) {
	from := s.at
	for ; s.at < len(s.raw); s.at++ {
		switch c := s.raw[s.at]; {
		case c == '"':
			s.at++
			return s.raw[from : s.at-1], true
		case c == '\\':
			return s.escaped(append(make([]byte, 0, 2*(s.at-from)+32), s.raw[from:s.at]...))
		case c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			s.high = true
		}
	}
	return nil, false
}

// escaped reads the rest of a string from its first escape on.
func (s *scanner) escaped(out []byte) ([]byte, bool) {
	for s.at < len(s.raw) {
		c := s.raw[s.at]
		s.at++
		switch {
		case c == '"':
			return out, true
		case c < ' ':
			return nil, false
		case c != '\\':
			s.high = s.high || c >= utf8.RuneSelf
			out = append(out, c)
			continue
		case s.at == len(s.raw):
			return nil, false
		}
		c = s.raw[s.at]
		s.at++
		if c == 'u' {
			r, ok := s.unicode()
			if !ok {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
		if i < 0 {
			return nil, false
		}
		out = append(out, "\"\\/\b\f\n\r\t"[i])
	}
	return nil, false
}

// unicode reads the digits of an escape, and the second escape of a pair of surrogates. It refuses NUL and lone surrogates.
func (s *scanner) unicode() (rune, bool) {
	r, ok := s.hex()
	if !ok || r == 0 || !utf16.IsSurrogate(r) {
		return r, ok && r != 0
	}
	if !bytes.HasPrefix(s.raw[s.at:], escapeBegin) {
		return 0, false
	}
	s.at += len(escapeBegin)
	low, ok := s.hex()
	r = utf16.DecodeRune(r, low)
	return r, ok && r != utf8.RuneError
}

// hex reads four hexadecimal digits.
func (s *scanner) hex() (rune, bool) {
	if len(s.raw)-s.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.raw[s.at:s.at+4]), 16, 16)
	s.at += 4
	return rune(n), err == nil
}
