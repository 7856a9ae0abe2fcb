package dataset

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// maxText is the longest text in characters.
const maxText = 280

var (
	openings = []string{"Show:", "Ask:", "Today:", "Note to self:", "Question:", "Reading", "Still thinking about", "Measured",
		"Finally fixed", "Who else likes"}
	subjects = []string{
		"a small compiler", "cache invalidation", "the night train", "old synthesizers", "tide tables", "query planners", "sourdough",
		"a bug in the clock",
		"bicycle lanes", "the garden in March", "write-ahead logs", "letters from 1912", "a chess opening", "glaciers", "the new library",
		"keyset cursors",
	}
	turns = []string{
		"and why it matters", "in one page", "after ten years", "without the hype", "on two cores", "for beginners", "with numbers",
		"and what went wrong",
		"in plain words", "before breakfast", "by hand", "with friends",
	}
	// foreign keeps readers honest: two, three and four bytes a character.
	foreign = []string{"naïve café", "Straße und Übung", "東京の夜", "Привет, мир", "🌊🚲", "ελληνικά"}
)

// sentence is a text of 20 to 280 characters.
func sentence(rnd *rand.Rand) string {
	of := func(words []string) string { return words[rnd.IntN(len(words))] }
	var b strings.Builder
	b.WriteString(of(openings) + " " + of(subjects) + " " + of(turns))
	for rnd.IntN(3) == 0 && utf8.RuneCountInString(b.String()) < maxText-80 {
		b.WriteString("; " + of(subjects) + " " + of(turns))
	}
	switch rnd.IntN(250) {
	case 0:
		b.WriteString(" — " + of(foreign))
	case 1:
		b.WriteString(" \"quoted\\\" & <tagged>")
	case 2: // as long as may be
		b.WriteString(" " + strings.Repeat(".", maxText-1-utf8.RuneCountInString(b.String())))
	}
	return b.String()
}
