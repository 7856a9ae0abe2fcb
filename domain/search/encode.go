package search

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"roost/internal/words"
)

// kinds are the first letters of lexemes.
var kinds = [...]byte{words.Word: 'w', words.Hashtag: 'h', words.Mention: 'm', words.Host: 'l'}

// appendLexeme appends a token without its position, in letters of which no database makes anything else.
func appendLexeme(b []byte, t words.Token) []byte {
	const digits = "0123456789abcdef"
	b = append(b, kinds[t.Kind])
	for i := range len(t.Text) {
		switch c := t.Text[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b = append(b, c)
		default:
			b = append(b, '_', digits[c>>4], digits[c&15])
		}
	}
	return b
}

func lexeme(t words.Token) string { return string(appendLexeme(nil, t)) }

// entry is what the index has of a text.
type entry struct {
	// words is the number of words, which is the number of positions.
	words int
	// vector are the lexemes with their positions, from 1: "wfoo:1,4 wbar:2". It is a tsvector in PostgreSQL's form.
	vector string
	// lexemes are the lexemes, each once, with blanks between them.
	lexemes string
}

func entryOf(text string) entry {
	tokens := words.Tokens(text)
	var e entry
	at := make(map[string][]byte, len(tokens))
	order := make([]string, 0, len(tokens))
	slices.SortStableFunc(tokens, func(a, b words.Token) int { return cmp.Compare(a.Position, b.Position) })
	for _, t := range tokens {
		e.words = max(e.words, t.Position+1)
		l := lexeme(t)
		positions, known := at[l]
		if known {
			positions = append(positions, ',')
		} else {
			order = append(order, l)
		}
		at[l] = strconv.AppendInt(positions, int64(t.Position)+1, 10)
	}
	e.lexemes = strings.Join(order, " ")
	vector := make([]byte, 0, 2*len(e.lexemes))
	for i, l := range order {
		if i > 0 {
			vector = append(vector, ' ')
		}
		vector = append(append(append(vector, l...), ':'), at[l]...)
	}
	e.vector = string(vector)
	return e
}

// sorted returns the tokens of a clause in the order of their positions.
func sorted(c words.Clause) []words.Token {
	tokens := slices.Clone(c.Tokens)
	slices.SortStableFunc(tokens, func(a, b words.Token) int { return cmp.Compare(a.Position, b.Position) })
	return tokens
}

// tsquery returns a query as PostgreSQL's, such as "wfoo & !(wbar <1> wbaz)".
func tsquery(q words.Query) string {
	var b []byte
	for i, c := range q.Clauses {
		if i > 0 {
			b = append(b, " & "...)
		}
		if c.Exclude {
			b = append(b, '!')
		}
		b = append(b, '(')
		at := 0
		for k, t := range sorted(c) {
			if k > 0 {
				b = append(strconv.AppendInt(append(b, " <"...), int64(t.Position-at), 10), "> "...)
			}
			at = t.Position
			b = appendLexeme(b, t)
		}
		b = append(b, ')')
	}
	return string(b)
}

// ftsQuery returns which tokens a text must have, as a query of FTS5; empty if a query only excludes.
func ftsQuery(q words.Query) string {
	var all []string
	for _, c := range q.Clauses {
		if c.Exclude {
			continue
		}
		for _, t := range c.Tokens {
			if l := lexeme(t); !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return strings.Join(all, " AND ")
}

// wordsOf returns the number of words that a query names: those of its clauses that do not exclude.
func wordsOf(q words.Query) (n int) {
	for _, c := range q.Clauses {
		last := -1
		for _, t := range c.Tokens {
			last = max(last, t.Position)
		}
		if !c.Exclude {
			n += last + 1
		}
	}
	return n
}

// MaxClass is the class of the best matches.
const MaxClass = 5

// Class returns how well a tweet matches a query: MaxClass if the query names as many words as the tweet has, and one less each time that
// the share is half of that, down to 1.
func Class(queryWords, tweetWords int) uint8 {
	class := uint8(MaxClass)
	for ; class > 1 && queryWords < tweetWords; class-- {
		queryWords *= 2
	}
	return class
}

// classSQL is Class for a query, about the column words.
func classSQL(queryWords int) string {
	var b strings.Builder
	b.WriteString("CASE")
	for class := MaxClass; class > 1; class-- {
		b.WriteString(" WHEN words <= " + strconv.Itoa(queryWords<<(MaxClass-class)) + " THEN " + strconv.Itoa(class))
	}
	return b.String() + " ELSE 1 END"
}
