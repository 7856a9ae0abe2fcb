package plan

import (
	"strconv"
	"time"
)

// escapes holds for each byte whether a JSON string must escape it.
var escapes = func() (table [256]bool) {
	for c := range 0x20 {
		table[c] = true
	}
	table['"'], table['\\'] = true, true
	return table
}()

// AppendString appends a string as gqlgen writes it: control characters, quotes and backslashes are escaped, nothing else.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		i += plainPrefix(s[i:])
		for end := min(i+8, len(s)); i < end; i++ {
			c := s[i]
			if !escapes[c] {
				continue
			}
			b = append(b, s[start:i]...)
			start = i + 1
			switch c {
			case '\t':
				b = append(b, '\\', 't')
			case '\r':
				b = append(b, '\\', 'r')
			case '\n':
				b = append(b, '\\', 'n')
			case '"', '\\':
				b = append(b, '\\', c)
			default:
				const digits = "0123456789ABCDEF"
				b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			}
		}
	}
	return append(append(b, s[start:]...), '"')
}

// plainPrefix returns how many bytes at the beginning of a string need no escape, in steps of 8. It looks at 8 bytes at once: in x-low and
// in y-low, the highest bit of a byte is set if the byte of x is below 0x20, or that of y is 0, and possibly for a byte after such a one.
func plainPrefix(s string) int {
	const low, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, backslash := x^('"'*low), x^('\\'*low)
		if ((x-0x20*low)&^x|(quote-low)&^quote|(backslash-low)&^backslash)&high != 0 {
			break
		}
	}
	return i
}

// AppendOptional appends a string, or null for nil.
func AppendOptional(b []byte, s *string) []byte {
	if s == nil {
		return append(b, null...)
	}
	return AppendString(b, *s)
}

// AppendStrings appends a list of strings.
func AppendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, s)
	}
	return append(b, ']')
}

// AppendInt appends a number in decimal.
func AppendInt(b []byte, n int32) []byte { return strconv.AppendInt(b, int64(n), 10) }

// AppendBool appends true or false.
func AppendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// AppendTime appends an instant as RFC 3339 in UTC with milliseconds.
func AppendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return append(t.AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000Z"), '"')
	}
	hour, minute, second := t.Clock()
	b = appendDigits(append(b, '"'), year, 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	b = appendDigits(append(b, '.'), t.Nanosecond()/int(time.Millisecond), 3)
	return append(b, 'Z', '"')
}

// appendDigits appends the last digits of a number.
func appendDigits(b []byte, n, digits int) []byte {
	var text [4]byte
	for i := digits - 1; i >= 0; i-- {
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, text[:digits]...)
}
