package site

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine returns a text on one line: white space is one space, and what would change how the text around it looks is left out, which is
// control characters and the controls of writing direction.
func oneLine(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			gap = true
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff':
		default:
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// cut returns a text of at most n characters. A longer one ends with an ellipsis after a whole word, if the words are not too long for
// that.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	end := n - 1 // leaves room for the ellipsis
	for i := end; i > n/2; i-- {
		if runes[i] == ' ' {
			return strings.TrimRightFunc(string(runes[:i]), unicode.IsPunct) + "…"
		}
	}
	for end > n/2 && (joins(runes[end]) || runes[end-1] == zeroWidthJoiner) {
		end--
	}
	return string(runes[:end]) + "…"
}

const zeroWidthJoiner = '\u200d'

// joins reports whether a character belongs to the one before it.
func joins(r rune) bool {
	return unicode.In(r, unicode.M, unicode.Variation_Selector) || r == zeroWidthJoiner || r >= 0x1f3fb && r <= 0x1f3ff
}
