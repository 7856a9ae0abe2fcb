package guard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/server/guard"
	"roost/server/internal/testschema"
	"roost/testkit/testtime"
)

// budget is the CPU that a document may take until it is refused or ready to run.
const budget = 20 * time.Millisecond

// newExecutor is gqlgen with a guard and without a cache, so that everything is looked at anew.
func newExecutor(t testing.TB, limits guard.Limits) *executor.Executor {
	t.Helper()
	e := executor.New(testschema.NewExecutableSchema(testschema.Config{Resolvers: &testschema.Resolvers{}}))
	g, err := guard.New(limits, graphql.NoCache[*ast.QueryDocument]{})
	if err != nil {
		t.Fatal(err)
	}
	e.Use(g)
	return e
}

func prepare(e *executor.Executor, query string, variables map[string]any) (*graphql.OperationContext, gqlerror.List) {
	return e.CreateOperationContext(graphql.StartOperationTrace(context.Background()),
		&graphql.RawParams{Query: query, Variables: variables})
}

func codeOf(list gqlerror.List) string {
	if len(list) == 0 {
		return "OK"
	}
	code, _ := list[0].Extensions["code"].(string)
	return code
}

// quickest is the least processor time of a few runs: the others include other work on the machine.
func quickest(f func()) time.Duration {
	best := time.Hour
	for range 5 {
		best = min(best, cpu(f))
	}
	return best
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// bomb has fragments that each spread the next one often.
func bomb(levels, times int, last string) string {
	var b strings.Builder
	b.WriteString("{item(id:1){...F0}}")
	for i := range levels {
		fmt.Fprintf(&b, "fragment F%d on Item{%s}", i, strings.Repeat(fmt.Sprintf("self{...F%d} ", i+1), times))
	}
	fmt.Fprintf(&b, "fragment F%d on Item{%s}", levels, last)
	return b.String()
}

func nested(n int, open, inner, shut string) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

var hostile = map[string]struct{ query, code string }{
	"fragment bomb":            {bomb(30, 2, "id"), "QUERY_TOO_COMPLEX"},
	"fragment bomb of nothing": {strings.ReplaceAll(bomb(20, 8, "...None"), "self{...", "...{..."), "QUERY_TOO_COMPLEX"},
	"fragments without fields": {"{...F0}" + repeat(12, "fragment F%[1]d on Query{...G%[1]d ...G%[1]d}fragment G%[1]d on Query{...F1%[1]d}"),
		""},
	"deep":                   {"{item(id:1)" + nested(500, "{self", "{id}", "}") + "}", "QUERY_TOO_COMPLEX"},
	"very deep":              {nested(16_000, "{a", "", "}"), "QUERY_TOO_COMPLEX"},
	"deeper than a stack":    {nested(1_000_000, "{a", "", "}"), "QUERY_TOO_COMPLEX"},
	"deep through fragments": {bomb(30, 1, "id"), "QUERY_TOO_COMPLEX"},
	"1,000 aliases":          {"{" + repeat(1000, "a%d:hello ") + "}", "QUERY_TOO_COMPLEX"},
	"1,000 aliases below":    {"{item(id:1){" + repeat(10, "s%d:self{"+repeat(100, "b%d:id ")+"}") + "}}", "QUERY_TOO_COMPLEX"},
	"5,000 equal fields":     {"{" + strings.Repeat("hello ", 5000) + "}", "QUERY_TOO_COMPLEX"},
	"100 equal fields":       {"{item(id:1){" + strings.Repeat("id ", 100) + "}}", "QUERY_TOO_COMPLEX"},
	"equal fields in inline fragments": {"{item(id:1){" + strings.Repeat("... on Item{"+strings.Repeat("id ", 99)+"}", 6) + "}}",
		"QUERY_TOO_COMPLEX"},
	"equal fields level by level": {
		"{item(id:1){" + strings.Repeat("self{"+strings.Repeat("self{"+strings.Repeat("self{id}", 6)+"}", 6)+"}", 6) + "}}",
		"QUERY_TOO_COMPLEX"},
	"50,000 directives":          {"{hello" + strings.Repeat(" @a", 50_000) + "}", "QUERY_TOO_COMPLEX"},
	"500 directives":             {"{hello" + strings.Repeat(" @skip(if:false)", 500) + "}", "QUERY_TOO_COMPLEX"},
	"directives of an operation": {"query" + strings.Repeat(" @a", 100) + "{hello}", "QUERY_TOO_COMPLEX"},
	"directives of a variable":   {"query($a:Int" + strings.Repeat(" @a", 100) + "){count(n:$a)}", "QUERY_TOO_COMPLEX"},
	"5 MB of fields":             {"{" + strings.Repeat("hello ", 800_000) + "}", "QUERY_TOO_COMPLEX"},
	"5 MB of comments":           {"{hello}#" + strings.Repeat("x", 5<<20), "QUERY_TOO_COMPLEX"},
	"30 kB of comments":          {"{hello}" + strings.Repeat("#\n", 15<<10), "OK"},
	"cycle":                      {"{item(id:1){...A}}fragment A on Item{...B}fragment B on Item{...A}", "BAD_REQUEST"},
	"cycle of one":               {"{item(id:1){...A}}fragment A on Item{self{...A}}", "BAD_REQUEST"},
	"unused cycle":               {"{hello}fragment A on Item{...A}", "BAD_REQUEST"},
	"unused fragments":           {"{hello}" + repeat(200, "fragment F%d on Item{id}"), "QUERY_TOO_COMPLEX"},
	"large unused fragment":      {"{hello}fragment F on Item{" + strings.Repeat("id ", 1500) + "}", "QUERY_TOO_COMPLEX"},
	"fragment behind another":    {"{hello}fragment F on Item{id}fragment F on Item{" + strings.Repeat("id ", 1000) + "}", "BAD_REQUEST"},
	"many operations":            {repeat(200, "query Q%d{hello}"), "QUERY_TOO_COMPLEX"},
	"many variables":             {"query(" + repeat(200, "$v%d:Int ") + "){hello}", "QUERY_TOO_COMPLEX"},
	"many root fields":           {"{" + repeat(50, "a%d:hello ") + "}", "QUERY_TOO_COMPLEX"},
	"root fields in fragments":   {"{...A ...A ...A}fragment A on Query{" + repeat(8, "a%d:hello ") + "}", "QUERY_TOO_COMPLEX"},
	"deep literal":               {"{tree(in:" + nested(40, "{child:", "null", "}") + ")}", "QUERY_TOO_COMPLEX"},
	"deep list literal":          {"{nodes(ids:" + nested(40, "[", "1", "]") + "){id}}", "QUERY_TOO_COMPLEX"},
	"deep default":               {"query($t:Tree=" + nested(40, "{child:", "null", "}") + "){tree(in:$t)}", "QUERY_TOO_COMPLEX"},
	"deep type":                  {"query($t:" + nested(500, "[", "Int", "]") + "){hello}", "QUERY_TOO_COMPLEX"},
	"long list literal":          {"{nodes(ids:[" + strings.Repeat("1,", 2900) + "]){id name}}", ""},
	"defer":                      {"{item(id:1){...@defer{id}}}", "BAD_REQUEST"},
	"defer by variable":          {"query($b:Boolean){item(id:1){...F@defer(if:$b)}}fragment F on Item{id}", "BAD_REQUEST"},
	"unknown fields":             {"{item(id:1){" + repeat(99, "unknown%d ") + "}}", ""},
	"unknown fields below":       {"{item(id:1){" + strings.Repeat("self{"+repeat(40, "unknown%d ")+"}", 20) + "}}", ""},
	"unknown arguments":          {"{hello(" + repeat(700, "unknown%d:1 ") + ")}", ""},
	"equal arguments":            {"{hello(" + strings.Repeat("unknown:1 ", 700) + ")}", ""},
	"unknown input fields":       {"{tree(in:{" + repeat(700, "unknown%d:1 ") + "})}", ""},
	"unknown variables":          {"{hello(" + repeat(400, "a%[1]d:$v%[1]d ") + ")}", ""},
	"unknown types":              {"query(" + repeat(59, "$v%[1]d:Unknown%[1]d ") + "){hello}", ""},
	"200 spreads":                {"{item(id:1){" + strings.Repeat("...F ", 100) + "}}fragment F on Item{id}", ""},
	"fragment pairs":             {"{item(id:1){" + repeat(50, "...F%d ") + "}}" + repeat(50, "fragment F%d on Item{id name tags}"), ""},
	"garbage":                    {strings.Repeat("}{(*&^%", 4000), ""},
	"open strings":               {"{echo(text:\"" + strings.Repeat("\\", 30_000), ""},
	"names of a megabyte":        {"{" + strings.Repeat("a", 1<<20) + "}", "QUERY_TOO_COMPLEX"},
	"introspection repeated":     {"{" + repeat(20, "s%d:__schema{types{fields{args{type{name kind}}}}}") + "}", "QUERY_TOO_COMPLEX"},
	"pages in pages":             {"{items(first:100){nodes{items(first:100){nodes{items(first:100){nodes{id}}}}}}}", "QUERY_TOO_COMPLEX"},
}

// Every hostile document is refused, or harmless, within the budget.
func TestHostile(t *testing.T) {
	e := newExecutor(t, guard.Limits{})
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			var got string
			took := quickest(func() {
				_, list := prepare(e, c.query, nil)
				got = codeOf(list)
			})
			if c.code != "" && got != c.code {
				t.Errorf("%q, want %q", got, c.code)
			}
			if took > budget*raceFactor {
				t.Errorf("%s after %v", got, took)
			}
			t.Logf("%s after %v", got, took)
		})
	}
}

// Memory stays flat under a stream of hostile documents.
func TestHostileMemory(t *testing.T) {
	e := newExecutor(t, guard.Limits{})
	round := func() {
		for _, c := range hostile {
			prepare(e, c.query, nil)
		}
	}
	round()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 5 {
		round()
	}
	texts := 0
	for _, c := range hostile {
		texts += len(c.query)
	}
	var grown int64
	testtime.Until(t, fmt.Sprintf("the memory of 5 rounds to be free but for a quarter of the %d bytes of one", texts), func() bool {
		runtime.GC()
		runtime.ReadMemStats(&after)
		grown = int64(after.HeapAlloc) - int64(before.HeapAlloc)
		return grown < int64(texts)/4
	})
	perRound := (after.TotalAlloc - before.TotalAlloc) / 5
	if perRound > 200<<20 {
		t.Errorf("a round allocates %d MB", perRound>>20)
	}
}

// Documents made at random to be as bad as the limits allow: what the guard lets through is validated
// within the budget.
func TestWorstOfRandomDocuments(t *testing.T) {
	e := newExecutor(t, guard.Limits{})
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	documents := 2000
	if raceFactor > 1 {
		documents = 300
	}
	var worst time.Duration
	accepted := 0
	for range documents {
		query := randomDocument(rnd)
		began := time.Now()
		if _, list := prepare(e, query, nil); codeOf(list) != "QUERY_TOO_COMPLEX" {
			accepted++
		}
		if took := time.Since(began); took > worst {
			took = quickest(func() { prepare(e, query, nil) })
			if worst = max(worst, took); took > budget*raceFactor {
				t.Fatalf("%v for %s", took, query)
			}
		}
	}
	t.Logf("the worst of %d that were let through took %v", accepted, worst)
	if accepted < documents/20 {
		t.Errorf("%d of %d documents were let through: the others tell nothing about validation", accepted, documents)
	}
}

// randomDocument repeats few names within each other and through fragments.
func randomDocument(rnd *rand.Rand) string {
	fragments := rnd.IntN(30)
	var set func(depth, index int) string
	set = func(depth, index int) string {
		var b strings.Builder
		b.WriteString("{id ")
		for range 1 + rnd.IntN(12) {
			switch n := rnd.IntN(10); {
			case n < 4 || depth == 0:
				b.WriteString([]string{"id ", "name ", "tags ", "x:id ", "x:name "}[rnd.IntN(5)])
			case n < 7:
				b.WriteString([]string{"self", "y:self", "items{nodes"}[n-4] + set(depth-1, index))
				if n == 6 {
					b.WriteString("}")
				}
			case n < 8:
				b.WriteString("...on Item" + set(depth-1, index))
			default:
				fmt.Fprintf(&b, "...F%d ", index+rnd.IntN(fragments+1))
			}
		}
		b.WriteString("}")
		return b.String()
	}
	var b strings.Builder
	b.WriteString("{item(id:1)" + set(rnd.IntN(5), 0) + "}")
	for i := range fragments {
		fmt.Fprintf(&b, "fragment F%d on Item%s", i, set(rnd.IntN(4), i+1))
	}
	return b.String()
}

// FuzzShape: whatever the text, the guard answers soon and does not panic.
func FuzzShape(f *testing.F) {
	for _, c := range hostile {
		if len(c.query) < 64<<10 {
			f.Add(c.query)
		}
	}
	limits := guard.Defaults()
	f.Fuzz(func(t *testing.T, query string) {
		if took := cpu(func() { _ = guard.Shape(query, limits) }); took > 50*budget*raceFactor {
			t.Errorf("%v", took)
		}
	})
}
