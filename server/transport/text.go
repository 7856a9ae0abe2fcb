package transport

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"roost/internal/errs"
)

// Limits of one JSON text: a request body or a socket message. Clients stay far below both.
const (
	maxJSONDepth  = 32
	maxJSONValues = 10_000
)

// scan is one pass over a JSON text before it is decoded. Decoding would hide the faults that it looks for, because encoding/json
// turns broken UTF-8 and lone surrogates into U+FFFD. It does not check JSON's grammar.
type scan struct {
	raw    []byte
	depth  int
	values int
}

// checkJSON refuses a JSON text with characters that cannot be stored, and one that nests too deep or has too many values.
func checkJSON(raw []byte) *errs.Error {
	if !utf8.Valid(raw) {
		return errs.New(errs.BadRequest, "the request is not valid UTF-8")
	}
	s := scan{raw: raw}
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			s.values++
			if s.depth++; s.depth > maxJSONDepth {
				return errs.Newf(errs.QueryTooComplex, "the request's JSON nests deeper than %d levels", maxJSONDepth)
			}
		case '}', ']':
			s.depth--
		case ',':
			s.values++
		case '"':
			end, err := s.text(i + 1)
			if err != nil {
				return err
			}
			i = end
		}
		if s.values > maxJSONValues {
			return errs.Newf(errs.QueryTooComplex, "the request's JSON has more than %d values", maxJSONValues)
		}
	}
	return nil
}

// text checks a string that begins at i, after its quote, and returns the index of the closing quote.
func (s *scan) text(i int) (int, *errs.Error) {
	for ; i < len(s.raw); i++ {
		switch s.raw[i] {
		case 0:
			return i, errNUL()
		case '"':
			return i, nil
		case '\\':
			i++
			if i >= len(s.raw) || s.raw[i] != 'u' {
				continue
			}
			n, err := checkEscape(string(s.raw[i+1 : min(i+11, len(s.raw))]))
			if err != nil {
				return i, err
			}
			i += n
		}
	}
	return i, nil
}

// checkEscape checks the escape whose hexadecimal digits begin s, and returns the length of what belongs to
// it: 4, or 10 for a pair of surrogates. A broken escape is left to the parser.
func checkEscape(s string) (int, *errs.Error) {
	r, ok := hex4(s)
	switch {
	case !ok:
		return 0, nil
	case r == 0:
		return 4, errNUL()
	case !utf16.IsSurrogate(r):
		return 4, nil
	}
	if len(s) >= 10 && s[4] == '\\' && s[5] == 'u' {
		if low, ok := hex4(s[6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return 10, nil
		}
	}
	return 4, errSurrogate()
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	return hexDigits(s[:4])
}

func hexDigits(s string) (r rune, ok bool) {
	for _, c := range []byte(s) {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c >= 'a' && c <= 'f':
			d = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			d = c - 'A' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, len(s) > 0
}

// checkPlain refuses characters that cannot be stored, in a text without escapes such as a decoded parameter.
func checkPlain(s string) *errs.Error {
	if !utf8.ValidString(s) {
		return errs.New(errs.BadRequest, "the request is not valid UTF-8")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return errNUL()
	}
	return nil
}

// CheckText refuses a document with characters that requests may not hold, written out or escaped.
func CheckText(document string) *errs.Error {
	if err := checkPlain(document); err != nil {
		return err
	}
	return checkDocument(document)
}

// checkDocument refuses escapes of NUL and of lone surrogates in the string literals of a GraphQL
// document: its parser would decode the one and turn the other into U+FFFD.
func checkDocument(q string) *errs.Error {
	if !strings.Contains(q, `\u`) {
		return nil
	}
	for i := 0; i < len(q); i++ {
		switch {
		case q[i] == '#':
			if n := strings.IndexAny(q[i:], "\r\n"); n >= 0 {
				i += n
			} else {
				return nil
			}
		case strings.HasPrefix(q[i:], `"""`):
			i = blockEnd(q, i+3)
		case q[i] == '"':
			end, err := checkLiteral(q, i+1)
			if err != nil {
				return err
			}
			i = end
		}
	}
	return nil
}

// blockEnd returns the index of the last quote of a block string whose text begins at i.
func blockEnd(q string, i int) int {
	for ; i < len(q); i++ {
		if strings.HasPrefix(q[i:], `\"""`) {
			i += 3
		} else if strings.HasPrefix(q[i:], `"""`) {
			return i + 2
		}
	}
	return i
}

// checkLiteral checks the string literal whose text begins at i and returns the index of its last byte.
func checkLiteral(q string, i int) (int, *errs.Error) {
	for ; i < len(q) && q[i] != '"' && q[i] != '\n' && q[i] != '\r'; i++ {
		if q[i] != '\\' {
			continue
		}
		i++
		if i >= len(q) || q[i] != 'u' {
			continue
		}
		if strings.HasPrefix(q[i:], "u{") {
			digits, _, _ := strings.Cut(q[i+2:min(i+12, len(q))], "}")
			if r, ok := hexDigits(digits); ok && r == 0 {
				return i, errNUL()
			} else if ok && utf16.IsSurrogate(r) {
				return i, errSurrogate()
			}
			continue
		}
		n, err := checkEscape(q[i+1 : min(i+11, len(q))])
		if err != nil {
			return i, err
		}
		i += n
	}
	return i, nil
}

func errNUL() *errs.Error {
	return errs.New(errs.BadRequest, "the request holds a NUL character")
}

func errSurrogate() *errs.Error {
	return errs.New(errs.BadRequest, "the request holds half of a surrogate pair")
}
