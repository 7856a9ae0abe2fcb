// Package visible tells text that shows from text that does not.
package visible

import (
	"strings"
	"unicode"
)

// blank are symbols and marks whose glyph is empty, though Unicode counts them among those that show.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}},                                          // Braille pattern without dots
	R32: []unicode.Range32{{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, {Lo: 0x1d159, Hi: 0x1d159, Stride: 1}}, // Khitan filler, musical null notehead
}

// hidden are the categories and properties of characters that show nothing by themselves. Those of them that Unicode
// calls Default_Ignorable are Cf, Variation_Selector and Other_Default_Ignorable_Code_Point.
var hidden = []*unicode.RangeTable{
	unicode.Cc, unicode.Cf, unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, blank,
}

// Hidden reports whether a character shows nothing by itself: spaces, controls, format characters such as joiners, byte
// order marks, tags and the controls of writing direction, variation selectors, fillers, and empty glyphs.
func Hidden(r rune) bool {
	// Signs that stand before the numbers that they span are format characters, but do show.
	return unicode.In(r, hidden...) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// Any reports whether a text holds a character that shows.
func Any(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return !Hidden(r) }) }

// All reports whether a text holds nothing else.
func All(s string) bool { return !strings.ContainsFunc(s, Hidden) }
