package entities

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Key returns the form in which Roost compares hashtags: [Fold], without joiners and variation selectors, which readers do not see,
// and without the spaces that NFKC makes of some letters. So #Straße, #STRASSE and ＃ｓｔｒａｓｓｅ are one hashtag. A text that
// has nothing else keeps them. Key(Key(s)) is Key(s).
func Key(s string) string {
	s = Fold(s)
	if seen := strings.Map(withoutUnseen, s); seen != "" && len(seen) < len(s) {
		return Fold(seen) // what they kept apart may now compose
	}
	return s
}

func withoutUnseen(r rune) rune {
	if r == ' ' || r == 0x200c || r == 0x200d || 0xfe00 <= r && r <= 0xfe0f {
		return -1
	}
	return r
}

// Fold removes differences of case and of compatible characters: NFKC, then full case folding, then NFKC again, since folding can undo
// it (Unicode 3.13, definition D146, which begins with another normal form). Fold(Fold(s)) is Fold(s).
func Fold(s string) string {
	if lower, ok := lowerASCII(s); ok {
		return lower
	}
	// In rare cases, such as U+0345 after other marks, another round changes something.
	for range maxFolds {
		folded := norm.NFKC.String(strings.Map(capitalCherokee, cases.Fold().String(norm.NFKC.String(s))))
		if folded == s {
			break
		}
		s = folded
	}
	return s
}

// maxFolds bounds the rounds; the last one finds nothing to change.
const maxFolds = 4

// capitalCherokee undoes what cases.Fold does to Cherokee: Unicode folds its small letters to the capital ones, which are older, and
// that package swaps them.
func capitalCherokee(r rune) rune {
	switch {
	case 0xab70 <= r && r <= 0xabbf:
		return r - 0xab70 + 0x13a0
	case 0x13f8 <= r && r <= 0x13fd:
		return r - 0x13f8 + 0x13f0
	}
	return r
}

// lowerASCII returns an ASCII text in lower case; false if the text has other characters.
func lowerASCII(s string) (string, bool) {
	upper := false
	for i := range len(s) {
		if s[i] >= 0x80 {
			return "", false
		}
		upper = upper || 'A' <= s[i] && s[i] <= 'Z'
	}
	if !upper {
		return s, true
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b), true
}
