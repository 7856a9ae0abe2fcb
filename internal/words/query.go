package words

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"roost/internal/errs"
)

// Limits of a query. Each clause is one look into an index, and each of its tokens one list to read there.
const (
	// MaxQueryLength is in code points.
	MaxQueryLength = 500
	MaxClauses     = 32
	// MaxClauseTokens is the length of a phrase.
	MaxClauseTokens = 64
)

// Query is what a text must have and must not have. A query that Parse returns has at least one clause.
type Query struct {
	Clauses []Clause
}

// Clause is a phrase: tokens and where they are relative to its first word, which has position 0 and a token.
type Clause struct {
	// Tokens are not empty. They leave out what the others imply: the words of a hashtag, the single characters of pairs, the
	// shorter hosts of a link.
	Tokens []Token
	// Exclude says that a text with the phrase does not match.
	Exclude bool
}

// Parse reads a query. It returns BadRequest, with the limit where there is one, for a query that is too long or has
// too many clauses, for a phrase that is too long, and for a query in which there is nothing to look for.
func Parse(text string) (Query, error) {
	if n := utf8.RuneCountInString(text); n > MaxQueryLength {
		return Query{}, errs.Newf(errs.BadRequest, "a search has at most %d characters", MaxQueryLength).Within(MaxQueryLength)
	}
	var q Query
	for {
		var part string
		var exclude bool
		part, exclude, text = nextClause(text)
		if part == "" {
			break
		}
		t := tokenizer{query: true}
		t.text(part)
		if len(t.tokens) == 0 {
			continue
		}
		if len(t.tokens) > MaxClauseTokens {
			err := errs.Newf(errs.BadRequest, "a phrase in a search has at most %d words", MaxClauseTokens)
			return Query{}, err.Within(MaxClauseTokens)
		}
		clause := Clause{Tokens: t.tokens, Exclude: exclude}
		if slices.ContainsFunc(q.Clauses, clause.equals) {
			continue
		}
		if len(q.Clauses) == MaxClauses {
			err := errs.Newf(errs.BadRequest, "a search has at most %d words and phrases", MaxClauses)
			return Query{}, err.Within(MaxClauses)
		}
		q.Clauses = append(q.Clauses, clause)
	}
	if len(q.Clauses) == 0 {
		return Query{}, errs.New(errs.BadRequest, "the search has no word, hashtag or mention to look for")
	}
	return q, nil
}

// ExcludesOnly reports whether the query says only what a text must not have, so that an index has nothing to look up.
func (q Query) ExcludesOnly() bool {
	return !slices.ContainsFunc(q.Clauses, func(c Clause) bool { return !c.Exclude })
}

// Matches reports whether a text with these tokens is found. It defines what indexes must answer.
func (q Query) Matches(tokens []Token) bool {
	for _, c := range q.Clauses {
		if c.isIn(tokens) == c.Exclude {
			return false
		}
	}
	return true
}

// isIn reports whether the tokens have the phrase.
func (c Clause) isIn(tokens []Token) bool {
	for _, start := range tokens {
		first := c.Tokens[0]
		if start.Kind == first.Kind && start.Text == first.Text && c.isAt(start.Position-first.Position, tokens) {
			return true
		}
	}
	return false
}

// isAt reports whether the tokens have the phrase with its first word at a position.
func (c Clause) isAt(position int, tokens []Token) bool {
	for _, want := range c.Tokens {
		want.Position += position
		if !slices.Contains(tokens, want) {
			return false
		}
	}
	return true
}

func (c Clause) equals(d Clause) bool {
	return c.Exclude == d.Exclude && slices.Equal(c.Tokens, d.Tokens)
}

// nextClause returns the next part of a query, without its signs; empty at the end.
func nextClause(text string) (part string, exclude bool, rest string) {
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		r, size := utf8.DecodeRuneInString(text)
		if exclude = isMinus(r); exclude {
			text = text[size:]
			r, size = utf8.DecodeRuneInString(text)
		}
		if isQuote(r) {
			if end := strings.IndexFunc(text[size:], isQuote); end >= 0 {
				part, rest = text[size:size+end], text[size+end:]
				_, size = utf8.DecodeRuneInString(rest)
				if rest = rest[size:]; part != "" {
					return part, exclude, rest
				}
				text = rest // ""
				continue
			}
		}
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			return text, exclude, ""
		}
		if end == 0 { // a minus alone
			continue
		}
		return text[:end], exclude, text[end:]
	}
}

func isMinus(r rune) bool { return r == '-' || r == '－' }

func isQuote(r rune) bool {
	switch r {
	case '"', '“', '”', '„', '‟', '＂':
		return true
	}
	return false
}
