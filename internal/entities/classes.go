package entities

import "unicode"

// class is a set of what a character may be part of.
type class uint16

const (
	// letter may make a hashtag of a run: letters and combining marks.
	letter class = 1 << iota
	// inTag belongs to runs of hashtags.
	inTag
	// inName belongs to usernames: ASCII letters, digits, underscore.
	inName
	// inLabel belongs to names of hosts: all but spaces, most ASCII punctuation, and characters that set the direction of writing.
	inLabel
	// inLatinLabel belongs to names of hosts that need no protocol: ASCII letters, digits, the hyphen, and accented Latin letters.
	inLatinLabel
	// beforeLink may come before a link.
	beforeLink
	// inPath and endsPath belong to paths, and may end them.
	inPath
	endsPath
	// inQuery and endsQuery belong to queries, and may end them.
	inQuery
	endsQuery
	// bars makes no mention of the name before it: @ and accented letters.
	bars
	// blocks makes no mention of the @ after it.
	blocks
)

var ascii = func() (table [128]class) {
	set := func(chars string, c class) {
		for i := range len(chars) {
			table[chars[i]] |= c
		}
	}
	const (
		letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits  = "0123456789"
	)
	set(letters, letter)
	set(letters+digits, inTag|inName|inLabel|inLatinLabel|inPath|endsPath|inQuery|endsQuery)
	set("_", inTag|inName)
	set("-", inLatinLabel)
	set("\"`\x7f", inLabel)
	set("!*';:=+,.$/%#[]-_~@|&", inPath)
	set("+-=_#/", endsPath)
	set("!?*'@();:&=+$/%#[]-_.,~|", inQuery)
	set("-_&=#/", endsQuery)
	set("@", bars)
	set(letters+digits+"_!#$%&*@", blocks)
	for c := range rune(len(table)) {
		if c < ' ' && !unicode.IsSpace(c) {
			table[c] |= inLabel
		}
		if table[c]&inLatinLabel == 0 && c != '@' && c != '$' && c != '#' || c == '-' {
			table[c] |= beforeLink
		}
	}
	return table
}()

// ranges returns a table of pairs of first and last characters.
func ranges(pairs ...rune) *unicode.RangeTable {
	t := &unicode.RangeTable{}
	for i := 0; i < len(pairs); i += 2 {
		t.R16 = append(t.R16, unicode.Range16{Lo: uint16(pairs[i]), Hi: uint16(pairs[i+1]), Stride: 1})
	}
	return t
}

var (
	// accented are the accented Latin letters of twitter-text.
	accented = ranges(0xc0, 0xd6, 0xd8, 0xf6, 0xf8, 0x24f, 0x253, 0x254, 0x256, 0x257, 0x259, 0x259, 0x25b, 0x25b, 0x263, 0x263,
		0x268, 0x268, 0x26f, 0x26f, 0x272, 0x272, 0x289, 0x289, 0x28b, 0x28b, 0x2bb, 0x2bb, 0x300, 0x36f, 0x1e00, 0x1eff)
	// accentedToo are what JavaScript adds to them where case is ignored: other cases of their letters, among them the iota,
	// which is the upper case of U+0345.
	accentedToo = ranges(0x260, 0x260, 0x269, 0x269, 0x275, 0x275, 0x280, 0x280, 0x283, 0x283, 0x288, 0x28c, 0x292, 0x292,
		0x399, 0x399, 0x3b9, 0x3b9, 0x1fbe, 0x1fbe, 0x2c65, 0x2c66, 0x2c7e, 0x2c7f, 0xa7dc, 0xa7dc)
	// cyrillic are the Cyrillic letters that paths may have, and the other cases of some.
	cyrillic = ranges(0x400, 0x4ff, 0x1c80, 0x1c87)
	// notInLabel are spaces, characters that set the direction of writing, the byte order mark and non-characters.
	notInLabel = ranges(0x85, 0x85, 0xa0, 0xa0, 0x61c, 0x61c, 0x1680, 0x1680, 0x180e, 0x180e, 0x2000, 0x200a, 0x200e, 0x200f,
		0x2028, 0x202f, 0x205f, 0x205f, 0x2066, 0x2069, 0x3000, 0x3000, 0xfeff, 0xfeff, 0xfffe, 0xffff)
	// joinsTag belong to hashtags though they are neither letters nor marks nor digits: joiners, and punctuation inside words.
	joinsTag = ranges('·', '·', 0x5be, 0x5be, 0x5f3, 0x5f4, 0xf0b, 0xf0c, 0x200c, 0x200d, 0x3003, 0x3003, 0x301c, 0x301c,
		0x309b, 0x309c, 0x30a0, 0x30a0, 0x30fb, 0x30fb, 0xa67e, 0xa67e, 0xff5e, 0xff5e)
)

func classOf(r rune) (c class) {
	if r < rune(len(ascii)) {
		return ascii[r]
	}
	if 0x4e00 <= r && r <= 0x9fff || 0xac00 <= r && r <= 0xd7a3 { // Han and Hangul, without looking into tables
		return letter | inTag | inLabel | beforeLink
	}
	switch {
	case unicode.IsLetter(r), unicode.IsMark(r):
		c = letter | inTag
	case unicode.IsDigit(r), unicode.Is(joinsTag, r):
		c = inTag
	}
	if !unicode.Is(notInLabel, r) {
		c |= inLabel
	}
	switch r {
	case '＠':
		return c | bars | blocks
	case '＃', 0xfeff, 0xfffe, 0xffff:
		return c
	case '–':
		c |= inPath
	}
	c |= beforeLink
	if r > 0xffff {
		return c
	}
	if unicode.Is(accented, r) {
		return c | inLatinLabel | inPath | endsPath | bars
	}
	if unicode.Is(accentedToo, r) {
		return c | inLatinLabel | inPath | endsPath
	}
	if unicode.Is(cyrillic, r) {
		return c | inPath | endsPath
	}
	return c
}
