package guard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/server/guard"
)

// contract is the real API's schema, without resolvers: enough to be validated against.
type contract struct{ schema *ast.Schema }

func (c contract) Schema() *ast.Schema                        { return c.schema }
func (contract) Exec(context.Context) graphql.ResponseHandler { return nil }
func (contract) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// What GraphiQL and a rich client ask of the real API is let through, with room to spare.
func TestOrdinaryOperationsPass(t *testing.T) {
	t.Parallel()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: readFile(t, "../../schema.graphqls")})
	if err != nil {
		t.Fatal(err)
	}
	e := executor.New(contract{schema})
	g, err := guard.New(guard.Limits{}, graphql.NoCache[*ast.QueryDocument]{})
	if err != nil {
		t.Fatal(err)
	}
	e.Use(g)
	for _, name := range []string{"introspection", "home"} {
		op, list := prepare(e, readFile(t, "testdata/"+name+".graphql"), nil)
		if list != nil {
			t.Errorf("%s: %v", name, list)
			continue
		}
		cost := guard.Cost(schema, op.Operation, op.Variables, guard.Defaults())
		t.Logf("%s costs %d", name, cost)
		if cost > guard.Defaults().Cost/2 {
			t.Errorf("%s costs %d: no room is left", name, cost)
		}
	}
}

// At each limit a document passes, one step beyond it is refused.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits   guard.Limits
		at, over string
	}{
		"Bytes":          {guard.Limits{Bytes: 7}, "{hello}", "{hello }"},
		"Tokens":         {guard.Limits{Tokens: 3}, "{hello}", "{hello hello}"},
		"Nesting":        {guard.Limits{Nesting: 2}, "{item(id:1)}", "{items{nodes{id}}}"},
		"Depth":          {guard.Limits{Depth: 2}, "{item{id}}", "{item{self{id}}}"},
		"Depth, spread":  {guard.Limits{Depth: 2}, "{item{...F}}fragment F on Item{id}", "{item{...F}}fragment F on Item{self{id}}"},
		"Selections":     {guard.Limits{Selections: 3}, "{item{id name}}", "{item{id name x:id}}"},
		"Selections, in": {guard.Limits{Selections: 3}, "{item{...F}}fragment F on Item{id}", "{item{...F}}fragment F on Item{id name}"},
		"Total":          {guard.Limits{Total: 2}, "query A{hello}query B{hello}", "query A{hello}query B{hello x:hello}"},
		"SelectSet":      {guard.Limits{SelectSet: 2}, "{a b}", "{a b c}"},
		"EqualKeys":      {guard.Limits{EqualKeys: 2}, "{a a b b}", "{a a a}"},
		"EqualKeys deep": {guard.Limits{EqualKeys: 2}, "{a{b} a{b}}", "{a{b} a{b b}}"},
		"RootFields":     {guard.Limits{RootFields: 2}, "{a ...{b}}", "{a ...{b c}}"},
		"Aliases":        {guard.Limits{Aliases: 1}, "{x:a b}", "{x:a y:b}"},
		"Fragments":      {guard.Limits{Fragments: 1}, "{a}fragment F on T{a}", "{a}fragment F on T{a}fragment G on T{a}"},
		"Spreads":        {guard.Limits{Spreads: 2}, "{...F ...{a}}", "{...F ...F ...{a}}"},
		"Directives":     {guard.Limits{Directives: 2}, "{a @x b @x}", "{a @x @y b @x}"},
		"Operations":     {guard.Limits{Operations: 1}, "{a}", "{a} query B{a}"},
		"Variables":      {guard.Limits{Variables: 1}, "query($a:Int){a}", "query($a:Int $b:Int){a}"},
		"Literal":        {guard.Limits{Literal: 2}, "{a(x:[[1]])}", "{a(x:[[[1]]])}"},
		"Literal object": {guard.Limits{Literal: 2}, "{a(x:{y:{z:1}})}", "{a(x:{y:{z:{z:1}}})}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := complete(c.limits)
			if err := guard.Shape(c.at, limits); err != nil {
				t.Errorf("%s: %v", c.at, err)
			}
			if err := guard.Shape(c.over, limits); err == nil || err.Kind != "QUERY_TOO_COMPLEX" {
				t.Errorf("%s: %v", c.over, err)
			}
		})
	}
	if _, err := guard.New(guard.Limits{Depth: -1}, nil); err == nil || !strings.Contains(err.Error(), "Depth") {
		t.Errorf("a negative limit: %v", err)
	}
}

// complete fills limits up with the defaults, as New does.
func complete(l guard.Limits) guard.Limits {
	raw, _ := json.Marshal(l)
	var given map[string]int
	_ = json.Unmarshal(raw, &given)
	for name, n := range given {
		if n == 0 {
			delete(given, name)
		}
	}
	raw, _ = json.Marshal(given)
	out := guard.Defaults()
	_ = json.Unmarshal(raw, &out)
	return out
}

func TestCost(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, guard.Limits{Cost: math.MaxInt32 - 1})
	for _, c := range []struct {
		query     string
		variables map[string]any
		want      int
	}{
		{"{hello}", nil, 1},
		{"{item(id:1){id name self{id}}}", nil, 5},
		{"{items{pageInfo{hasNextPage}}}", nil, 20},                                      // the page is read
		{"{items{nodes{id}}}", nil, 1 + 1 + 20},                                          // the page by default
		{"{items(first:7){nodes{id}}}", nil, 1 + 1 + 7},                                  //
		{"{items(last:7){nodes{id}}}", nil, 1 + 1 + 7},                                   //
		{"{items(first:7){edges{cursor node{id}}}}", nil, 1 + 1 + 7 + 7 + 7},             //
		{"{items(first:7){nodes{items(first:3){nodes{id}}}}}", nil, 1 + 1 + 7 + 7 + 7*3}, // pages in pages
		{"query($n:Int){items(first:$n){nodes{id}}}", map[string]any{"n": int64(7)}, 9},  //
		{"query($n:Int){items(first:$n){nodes{id}}}", map[string]any{"n": json.Number("7")}, 9},
		{"query($n:Int=7){items(first:$n){nodes{id}}}", nil, 9},
		{"query($n:Int){items(first:$n){nodes{id}}}", nil, 22},
		{"{items(first:0){nodes{id}}}", nil, 2},
		{"{items(first:-1){nodes{id}}}", nil, 22},
		{"{items(first:1000000000){nodes{id}}}", nil, 1 + 1 + 100},
		{"query($n:Int){items(first:$n){nodes{id}}}", map[string]any{"n": json.Number("4611686018427387904")}, 102},
		{`{nodes(ids:["1","2","3"]){id name}}`, nil, 1 + 6},
		{`query($i:[ID!]!){nodes(ids:$i){id}}`, map[string]any{"i": []any{"1", "2"}}, 1 + 2},
		{`{nodes(ids:"1"){id}}`, nil, 2},
		{"query($b:Boolean!){hello @include(if:$b) item(id:1) @skip(if:true){id}}", map[string]any{"b": false}, 0},
		{"query($b:Boolean!){hello @include(if:$b)}", map[string]any{"b": true}, 1},
		{"{...F ...on Query{hello}}fragment F on Query{item(id:1){id}}", nil, 3},
		{"{failing(times:3){id}}", nil, 1 + 5}, // a list that cannot be asked for a size
		{"{__typename}", nil, 1},
		{"{__schema{types{name}}}", nil, 1000},
		{"{items(first:100){nodes{items(first:100){nodes{items(first:100){nodes{id}}}}}}}", nil, 1 + 1 + 100 + 100 + 10_000 + 10_000 + 1_000_000},
	} {
		op, list := prepare(e, c.query, c.variables)
		if list != nil {
			t.Errorf("%s: %v", c.query, list)
			continue
		}
		limits := guard.Defaults()
		limits.Cost = math.MaxInt32 - 1
		if got := guard.Cost(nil, op.Operation, op.Variables, limits); got != c.want {
			t.Errorf("%s %v costs %d, want %d", c.query, c.variables, got, c.want)
		}
	}
}

func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, guard.Limits{Cost: 12})
	const query = "query($n:Int){items(first:$n){nodes{id}}}"
	for n, want := range map[int]string{10: "OK", 11: "QUERY_TOO_COMPLEX"} {
		_, list := prepare(e, query, map[string]any{"n": json.Number(fmt.Sprint(n))})
		if codeOf(list) != want {
			t.Errorf("a page of %d: %v", n, list)
		}
	}
}

// cached is a cache that says it knows every document.
type cached struct{ doc *ast.QueryDocument }

func (c cached) Get(context.Context, string) (*ast.QueryDocument, bool) { return c.doc, true }
func (cached) Add(context.Context, string, *ast.QueryDocument)          {}

// Documents that the cache holds are not looked at again.
func TestCachedDocumentsPass(t *testing.T) {
	t.Parallel()
	g, err := guard.New(guard.Limits{Tokens: 1}, cached{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.MutateOperationParameters(t.Context(), &graphql.RawParams{Query: "{hello}"}); err != nil {
		t.Error(err)
	}
}
