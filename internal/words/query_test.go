package words_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"roost/internal/errs"
	"roost/internal/words"
)

// Which queries find which texts.
func TestQueriesFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, finds, misses string }{
		{
			"Finally fixed the cache, after ten years. #Caching @Alice",
			"cache|CACHE fixed|\"fixed the cache\"|\"the cache after\"|#caching|caching|@alice|-missing cache|-\"cache the\"|“fixed the”|the -#go",
			"caches|\"fixed cache\"|#cache|alice|@caching|cache -fixed|-\"fixed the\"|cache -#caching|－cache",
		},
		{"#go rocks", "#go|go|\"#go rocks\"|\"go rocks\"|#GO", "@go|\"go #rocks\"|-go|#rocks"},
		{"@go go", "@go|go|\"@go go\"", "#go|\"go @go\""},
		{"吾輩は猫である", "猫|吾輩|猫である|は猫|\"猫 で\"|吾輩は猫である", "犬|猫は|吾猫|-猫"},
		{"東京タワー", "タワー|京タ|ﾀﾜｰ", "京都|タワ犬"},
		{"한국어를 배운다", "한국어|국어|배운다|\"한국어를 배운다\"", "한어"},
		{"see https://blog.example.com/2024/a_post", "example.com|blog.example.com|https://example.com|example|post|\"a post\"|example.com/2024",
			"other.com|log.example.com|www.example.com|example.com/a"},
		{"a node-js thing", "node-js|node|js", "js-node"},
		{"100% of C++ \\ _x_ '; DROP", "100%|c++|% 100|x|drop|\"of c\"|'; DROP|\"", "101%"},
		{"war AND peace NOT OR NEAR(a b)", "AND|NOT peace|near(a|OR|\"and peace not\"|a* b", "nor|an*"},
		{"unbalanced quote", "\"unbalanced|quote\"|\"unbalanced quote", "\"balanced"},
	} {
		tokens := words.Tokens(c.text)
		for _, text := range strings.Split(c.finds, "|") {
			if q, err := words.Parse(text); text != "\"" && (err != nil || !q.Matches(tokens)) {
				t.Errorf("%s does not find %q: %v %+v", text, c.text, err, q)
			}
		}
		for _, text := range strings.Split(c.misses, "|") {
			if q, err := words.Parse(text); err != nil || q.Matches(tokens) {
				t.Errorf("%s finds %q: %v %+v", text, c.text, err, q)
			}
		}
	}
}

// A query that asks for nothing or for too much is refused.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for text, limit := range map[string]int{
		"":                                      0,
		" \t\u3000":                             0,
		"\"\" - -- \"":                          0,
		"% _ \\ ' \" ( ) : * & | ! \x00 \ufffd": 0,
		strings.Repeat("x", 10<<10):             words.MaxQueryLength,
		strings.Repeat("\"", 10<<10):            words.MaxQueryLength,
		numbers(words.MaxClauses + 1):           words.MaxClauses,
		"\"" + numbers(words.MaxClauseTokens+1) + "\"": words.MaxClauseTokens,
		strings.Repeat("猫犬", words.MaxClauseTokens):    words.MaxClauseTokens,
	} {
		q, err := words.Parse(text)
		e, ok := err.(*errs.Error)
		if !ok || e.Kind != errs.BadRequest || e.Limit != limit {
			t.Errorf("%.40q: %+v, %v; want a refusal with the limit %d", text, q, err, limit)
		}
	}
	for _, text := range []string{numbers(words.MaxClauses), "\"" + numbers(words.MaxClauseTokens) + "\"", strings.Repeat("x ", 250)} {
		if _, err := words.Parse(text); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// numbers is so many different words.
func numbers(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = strings.Repeat("a", i%7+1) + string(rune('a'+i/7))
	}
	return strings.Join(list, " ")
}

func TestExcludesOnly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"-a": true, "-a -\"b c\"": true, "a -b": false, "a": false} {
		if q, err := words.Parse(text); err != nil || q.ExcludesOnly() != want {
			t.Errorf("%q: %t, %v", text, q.ExcludesOnly(), err)
		}
	}
}

// FuzzParse checks that every query is parsed or refused, and that what is copied from a text finds the text.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "a -b \"c d\" #e @f", "“a” -“b", "-\"\" \"", "'; DROP TABLE tweets; --", "a:* & !b | (c <-> d)", "% _ \\ \x00",
		"NEAR(a b, 3) ^c {d} AND NOT e*", "東京タワー #猫 ＃犬 한국어 ไทย", "http://www.example.com/a_b?c=%20#d a.b.c.d.e.com",
		"e\u0301 \u0301 ﷺ ß İ ŉ", "👩‍👩‍👧 ❤️ 1️⃣", "a\u200bb\u200cc\u200dd\u00ade",
		strings.Repeat("a ", 300), strings.Repeat("\"", 20), "\xff\xfe", "a\u2028b", "RT@a -RT @b@c", "-－-a", "can’t can't x_y _z_ 3.14 1,000",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens := words.Tokens(text)
		checkTokens(t, text, tokens)
		q, err := words.Parse(text)
		if (err == nil) == (len(q.Clauses) == 0) || err != nil && errs.KindOf(err) != errs.BadRequest {
			t.Fatalf("%+q: %+v, %v", text, q, err)
		}
		if q.Matches(tokens) && len(q.Clauses) > 0 && q.ExcludesOnly() {
			for _, c := range q.Clauses {
				if (words.Query{Clauses: []words.Clause{{Tokens: c.Tokens}}}).Matches(tokens) {
					t.Fatalf("%+q excludes %+v and finds it", text, c)
				}
			}
		}
		if utf8.RuneCountInString(text) > words.MaxQueryLength || len(tokens) > words.MaxRepeats {
			return
		}
		for _, part := range append(strings.Fields(text), text) {
			part = strings.Map(func(r rune) rune {
				if strings.ContainsRune("\"“”„‟＂", r) {
					return -1
				}
				return r
			}, part)
			if part == text || strings.Contains(text, " "+part+" ") {
				if q, err := words.Parse("\"" + part + "\""); err == nil && !q.Matches(tokens) {
					t.Fatalf("%+q does not find %+q: %+v in %+v", part, text, q, tokens)
				}
			}
		}
	})
}
