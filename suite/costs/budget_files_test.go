package costs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// document is an operation of testdata: a file name.graphql whose head has a line for each case that it is measured in.
type document struct {
	query string
	// budgets are the prices by case; a document of one case has it without a name.
	budgets map[string]budget
}

// budget is what an operation may take. Of reads and writes cold is with nothing in the cache and warm with all of it there
// that was not written lately. A push has bounds instead: statements before it and for it.
// Without plans an operation takes at most twice as many statements, because a question may be asked outside of lists, and later inside
// of them; or as many as a line of its file allows.
type budget struct {
	cold, warm price
	// embedded is how many statements more it takes on SQLite, which writes one table in a statement.
	embedded         int64
	before, sql      int64
	coldOff, warmOff int64
}

var (
	pricedLine   = regexp.MustCompile(`^# (?:(.+): )?cold (\d+) SQL, (\d+) Redis; warm (\d+) SQL, (\d+) Redis(?:; embedded (\d+) SQL more)?$`)
	withoutPlans = regexp.MustCompile(`^# without plans: cold at most (\d+) SQL; warm at most (\d+) SQL$`)
	pushedLine   = regexp.MustCompile(`^# (?:(.+): )?before it at most (\d+) SQL, for it at most (\d+) SQL$`)
	spread       = regexp.MustCompile(`\.\.\.\s*(\w+)`)
)

// parseDocument reads the head and the operation of a file.
func parseDocument(text string) (document, error) {
	d := document{budgets: map[string]budget{}}
	for text != "" && text[0] == '#' {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if m := withoutPlans.FindStringSubmatch(line); m != nil {
			if err := d.allowWithoutPlans(m[1], m[2]); err != nil {
				return d, err
			}
			continue
		}
		name, b, err := parseBudget(line)
		if err != nil {
			return d, err
		}
		if _, ok := d.budgets[name]; ok {
			return d, fmt.Errorf("two prices of the case %q", name)
		}
		d.budgets[name] = b
	}
	if len(d.budgets) == 0 {
		return d, fmt.Errorf("no price in the head")
	}
	d.query = text
	return d, nil
}

// allowWithoutPlans sets how many statements the cases above may take without plans.
func (d document) allowWithoutPlans(cold, warm string) error {
	c, err := strconv.ParseInt(cold, 10, 64)
	if err != nil {
		return err
	}
	w, err := strconv.ParseInt(warm, 10, 64)
	for name, b := range d.budgets {
		b.coldOff, b.warmOff = c, w
		d.budgets[name] = b
	}
	return err
}

// parseBudget reads a line of a head.
func parseBudget(line string) (name string, b budget, err error) {
	number := func(s string) int64 {
		n, failed := strconv.ParseInt(s, 10, 64)
		if failed != nil {
			err = failed
		}
		return n
	}
	if m := pushedLine.FindStringSubmatch(line); m != nil {
		return m[1], budget{before: number(m[2]), sql: number(m[3])}, err
	}
	m := pricedLine.FindStringSubmatch(line)
	if m == nil {
		return "", b, fmt.Errorf("not a price: %q", line)
	}
	b = budget{cold: price{number(m[2]), number(m[3])}, warm: price{number(m[4]), number(m[5])}}
	if m[6] != "" {
		b.embedded = number(m[6])
	}
	b.coldOff, b.warmOff = 2*b.cold.sql, 2*b.warm.sql
	return m[1], b, err
}

// documents reads testdata once, by name.
var documents = sync.OnceValues(func() (map[string]document, error) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.graphql"))
	if err != nil {
		return nil, err
	}
	all := map[string]document{}
	for _, name := range names {
		base := strings.TrimSuffix(filepath.Base(name), ".graphql")
		if base == "fragments" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if all[base], err = parseDocument(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
})

// fragments reads the fragments of testdata once, by name.
var fragments = sync.OnceValues(func() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join("testdata", "fragments.graphql"))
	all := map[string]string{}
	for _, part := range strings.Split("\n"+string(text), "\nfragment ")[1:] {
		name, _, _ := strings.Cut(part, " ")
		all[name] = "fragment " + part
	}
	return all, err
})

// withFragments returns a document with the fragments that it names, and those that these name.
func withFragments(t testing.TB, query string) string {
	t.Helper()
	all, err := fragments()
	if err != nil {
		t.Fatal(err)
	}
	var added []string
	for rest := query; ; {
		more := ""
		for _, m := range spread.FindAllStringSubmatch(rest, -1) {
			if text, ok := all[m[1]]; ok && !slices.Contains(added, m[1]) {
				added = append(added, m[1])
				more += "\n" + text
			}
		}
		if more == "" {
			return query
		}
		query, rest = query+more, more
	}
}

// budgetOf returns an operation with its budget by the name of its test: the name of its file, and of its case.
func budgetOf(t testing.TB, test string) (query string, b budget) {
	t.Helper()
	all, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	file, name, _ := strings.Cut(test, ", ")
	d, ok := all[file]
	if !ok {
		t.Fatalf("no testdata/%s.graphql", file)
	}
	if b, ok = d.budgets[name]; !ok {
		t.Fatalf("testdata/%s.graphql has no price of the case %q", file, name)
	}
	return withFragments(t, d.query), b
}

// Every file of testdata, and every price in it, belongs to a test; [budgetOf] fails for a test without a file.
func TestEveryBudgetHasATest(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, op := range slices.Concat(costedReads, costedWrites) {
		tested[op.name] = true
		if _, b := budgetOf(t, op.name); b.before+b.sql > 0 {
			t.Errorf("%s has the price of a push", op.name)
		}
	}
	for _, p := range costedPushes {
		tested[p.name] = true
		if _, b := budgetOf(t, p.name); b.cold != b.warm || b.cold != (price{}) {
			t.Errorf("%s has not the price of a push", p.name)
		}
	}
	all, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	for file, d := range all {
		for name := range d.budgets {
			if test := strings.TrimSuffix(file+", "+name, ", "); !tested[test] {
				t.Errorf("testdata/%s.graphql: no test of the case %q", file, name)
			}
		}
	}
}

// What is not a price is refused, not passed over.
func TestBudgetsAreParsed(t *testing.T) {
	t.Parallel()
	const query = "{ x }\n"
	for head, want := range map[string]map[string]budget{
		"# cold 7 SQL, 14 Redis; warm 1 SQL, 2 Redis\n": {"": {cold: price{7, 14}, warm: price{1, 2}, coldOff: 14, warmOff: 2}},
		"# cold 7 SQL, 14 Redis; warm 1 SQL, 2 Redis\n# without plans: cold at most 8 SQL; warm at most 3 SQL\n": {
			"": {cold: price{7, 14}, warm: price{1, 2}, coldOff: 8, warmOff: 3}},
		"# a: cold 7 SQL, 4 Redis; warm 1 SQL, 2 Redis\n# b, c: before it at most 2 SQL, for it at most 3 SQL\n": {
			"a": {cold: price{7, 4}, warm: price{1, 2}, coldOff: 14, warmOff: 2}, "b, c": {before: 2, sql: 3}},
		"": nil,
		"# cold 7 SQL, at most 4 Redis; warm 1 SQL, 2 Redis\n":                                                     nil,
		"# without plans: cold at most 8 SQL; warm at most 99999999999999999999 SQL\n":                             nil,
		"# cold 7 SQL, 14 Redis\n":                                                                                 nil,
		"# cold 7 SQL, 4 Redis; warm 1 SQL, 2 Redis\n# sic\n":                                                      nil,
		"# before it at most 99999999999999999999 SQL, for it at most 3 SQL\n":                                     nil,
		"# a: before it at most 1 SQL, for it at most 3 SQL\n# a: before it at most 1 SQL, for it at most 4 SQL\n": nil,
	} {
		d, err := parseDocument(head + query)
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", head, err)
		}
		if err != nil {
			continue
		}
		if d.query != query || len(d.budgets) != len(want) {
			t.Errorf("%q: %+v", head, d)
		}
		for name, b := range want {
			if d.budgets[name] != b {
				t.Errorf("%q: %+v, want %+v", head, d.budgets[name], b)
			}
		}
	}
}
