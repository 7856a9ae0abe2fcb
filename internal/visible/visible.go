// Package visible finds characters that readers do not see.
package visible

import (
	"strings"
	"unicode"
)

// blank are symbols and marks with an empty glyph. Unicode has no property for them.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}, // Braille pattern without dots
	// Khitan filler, musical null notehead
	R32: []unicode.Range32{{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, {Lo: 0x1d159, Hi: 0x1d159, Stride: 1}},
}

// hidden are the categories and properties of hidden characters. Cf, Variation_Selector and
// Other_Default_Ignorable_Code_Point make up Unicode's Default_Ignorable_Code_Point.
var hidden = []*unicode.RangeTable{
	unicode.Cc, unicode.Cf, unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, blank,
}

// Hidden reports whether a character alone is invisible: spaces, controls, format characters (joiners, byte order marks,
// tags, the controls of writing direction), variation selectors, fillers, and empty glyphs.
func Hidden(r rune) bool {
	// Signs that span the digits after them are format characters, but visible.
	return unicode.In(r, hidden...) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// Any reports whether a text contains a visible character.
func Any(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return !Hidden(r) }) }

// All reports whether every character of a text is visible.
func All(s string) bool { return !strings.ContainsFunc(s, Hidden) }
