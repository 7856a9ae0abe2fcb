package search

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"

	"roost/internal/words"
)

// matchFunction is the name of the SQL function with which SQLite asks whether tokens match a query.
const matchFunction = "roost_search_matches"

// init registers the function for every connection that the process opens.
func init() {
	var last atomic.Pointer[matcher] // a statement calls the function for many tweets
	sqlite.MustRegisterDeterministicScalarFunction(matchFunction, 2,
		func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			vector, ok1 := args[0].(string)
			query, ok2 := args[1].(string)
			if !ok1 || !ok2 {
				return nil, fmt.Errorf("%s takes texts", matchFunction)
			}
			m := last.Load()
			if m == nil || m.query != query {
				var err error
				if m, err = newMatcher(query); err != nil {
					return nil, err
				}
				last.Store(m)
			}
			if m.matches(vector) {
				return int64(1), nil
			}
			return int64(0), nil
		})
}

// matcherQuery writes a query for newMatcher: the clauses with blanks between them, an excluding one with a minus, each a list such as
// "wfoo:0,wbar:1".
func matcherQuery(q words.Query) string {
	clauses := make([]string, len(q.Clauses))
	for i, c := range q.Clauses {
		tokens := make([]string, len(c.Tokens))
		for k, t := range c.Tokens {
			tokens[k] = lexeme(t) + ":" + strconv.Itoa(t.Position)
		}
		clauses[i] = strings.Join(tokens, ",")
		if c.Exclude {
			clauses[i] = "-" + clauses[i]
		}
	}
	return strings.Join(clauses, " ")
}

// matcher decides whether the tokens of an entry match a query. It is safe for concurrent use.
type matcher struct {
	query   string
	lexemes []string // of all clauses, each once
	clauses []matcherClause
}

type matcherClause struct {
	exclude bool
	tokens  []matcherToken
}

// matcherToken is a lexeme, by its index, and its position in the phrase.
type matcherToken struct{ lexeme, position int }

func newMatcher(query string) (*matcher, error) {
	m := &matcher{query: query}
	for text := range strings.SplitSeq(query, " ") {
		var c matcherClause
		text, c.exclude = strings.CutPrefix(text, "-")
		for part := range strings.SplitSeq(text, ",") {
			lexeme, number, _ := strings.Cut(part, ":")
			position, err := strconv.Atoi(number)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no query", matchFunction, query)
			}
			at := slices.Index(m.lexemes, lexeme)
			if at < 0 {
				at = len(m.lexemes)
				m.lexemes = append(m.lexemes, lexeme)
			}
			c.tokens = append(c.tokens, matcherToken{at, position})
		}
		m.clauses = append(m.clauses, c)
	}
	return m, nil
}

// matches reports whether a vector of an entry matches.
func (m *matcher) matches(vector string) bool {
	at := make([][]int, len(m.lexemes)) // positions by lexeme
	for vector != "" {
		var one string
		one, vector, _ = strings.Cut(vector, " ")
		lexeme, positions, _ := strings.Cut(one, ":")
		i := slices.Index(m.lexemes, lexeme)
		if i < 0 {
			continue
		}
		for number := range strings.SplitSeq(positions, ",") {
			position, err := strconv.Atoi(number)
			if err == nil {
				at[i] = append(at[i], position)
			}
		}
	}
	for _, c := range m.clauses {
		if c.isIn(at) == c.exclude {
			return false
		}
	}
	return true
}

func (c matcherClause) isIn(at [][]int) bool {
	first := c.tokens[0]
	return slices.ContainsFunc(at[first.lexeme], func(start int) bool {
		return !slices.ContainsFunc(c.tokens, func(t matcherToken) bool {
			return !slices.Contains(at[t.lexeme], start-first.position+t.position)
		})
	})
}
