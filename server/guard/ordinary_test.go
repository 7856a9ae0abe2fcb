package guard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/internal/caller"
	"roost/server/guard"
	"roost/server/internal/testschema"
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

// loadContract is the real API's schema with an executor that only prepares operations, under the default limits.
func loadContract(t *testing.T) (*ast.Schema, *executor.Executor) {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: readFile(t, "../../schema.graphqls")})
	if err != nil {
		t.Fatal(err)
	}
	e := executor.New(contract{schema})
	g, err := guard.New(guard.Limits{}, graphql.NoCache[*ast.QueryDocument]{})
	if err != nil {
		t.Fatal(err)
	}
	g.Resolved = func(object, field string) bool { return object == "Tweet" && field != "text" }
	g.ListPrice = func(object, field string) (guard.ListPrice, bool) {
		lists := map[string]guard.ListPrice{"Tweet.entities": {Points: 20, Size: 3}, "Tweet.ancestors": {Points: 12, Size: 50}}
		list, ok := lists[object+"."+field]
		return list, ok
	}
	g.Computed = func(typeName string) bool { return strings.HasSuffix(typeName, "Entity") }
	e.Use(g)
	return schema, e
}

// What tools and a rich client ask of the real API is let through without a session, with room to spare for a
// schema that grows. What introspection costs grows with the types of the schema.
func TestOrdinaryOperationsPass(t *testing.T) {
	t.Parallel()
	_, e := loadContract(t)
	names, err := filepath.Glob("testdata/introspection/*.graphql")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d introspection queries: %v", len(names), err)
	}
	for _, name := range append(names, "testdata/home.graphql") {
		op, list := prepare(e, readFile(t, name), nil)
		if list != nil {
			t.Errorf("%s: %v", name, list)
			continue
		}
		cost := guard.CostOf(op)
		t.Logf("%s costs %d", name, cost)
		if cost > guard.Defaults().AnonymousCost*4/5 {
			t.Errorf("%s costs %d: no room is left", name, cost)
		}
	}
}

// A scalar with a resolver of its own costs more than one that the object holds.
func TestResolvedScalarsCostMore(t *testing.T) {
	t.Parallel()
	_, e := loadContract(t)
	cost := func(field string) int {
		t.Helper()
		op, list := prepare(e, `{tweet(id: "x") {`+field+`}}`, nil)
		if list != nil {
			t.Fatal(list)
		}
		return guard.CostOf(op)
	}
	for _, field := range []string{"url", "retweetCount", "viewerHasRetweeted"} {
		if own, held := cost(field), cost("text"); own != held+3 {
			t.Errorf("%s costs %d, and text %d", field, own, held)
		}
	}
}

// Lists without a size count as long as the schema's owner says. What is computed costs only its values, objects that may have several
// types cost what the most expensive one does, and a value that is selected twice counts once.
func TestCostOfListsWithoutSize(t *testing.T) {
	t.Parallel()
	_, e := loadContract(t)
	const scalar, resolved, computed, object, list, page, size = 2, 5, 1, 6, 20, 12, 3
	for fields, want := range map[string]int{
		"entities { start }":            list + size*computed,
		"entities { start end }":        list + size*2*computed,
		"entities { start start ...F }": list + size*computed,
		"entities { start x: start }":   list + size*2*computed,
		"entities { ... on LinkEntity { url } ... on MentionEntity { start end } }":              list + size*2*computed,
		"entities { start ... on HashtagEntity { hashtag { name } } ... on LinkEntity { url } }": list + size*(computed+object+scalar),
		"entities { ... on MentionEntity { user { id name } } ... on HashtagEntity { hashtag { id } } ...F }": list +
			size*(computed+object+2*scalar),
		"entities { ... on MentionEntity { user { id } user { name } } }":          list + size*2*(object+scalar),
		"entities { ... on TextEntity { start ... on LinkEntity { start url } } }": list + size*3*computed,
		"ancestors { text }":                           page + 50*(object+scalar),
		"ancestors { text id text url id }":            page + 50*(object+scalar+2*resolved),
		"ancestors { entities { start } }":             page + 50*(object+list+size*computed),
		"text text id ... on Node { id } ... { text }": scalar + resolved,
	} {
		query := `{ tweet(id: "x") { ` + fields + ` } }`
		if strings.Contains(fields, "...F") {
			query += " fragment F on TextEntity { start }"
		}
		op, list := prepare(e, query, nil)
		if list != nil {
			t.Errorf("%s: %v", fields, list)
			continue
		}
		if got := guard.CostOf(op); got != object+want {
			t.Errorf("%s costs %d, want %d", fields, got-object, want)
		}
	}
	many := ""
	for i := range 30 { // more than a set of keys holds without a map
		many += fmt.Sprintf("a%d: text a%d: text ", i, i)
	}
	op, refused := prepare(e, `{ tweet(id: "x") { `+many+many+` } }`, nil)
	if refused != nil || guard.CostOf(op) != object+30*scalar {
		t.Errorf("30 values that are selected four times cost %d: %v", guard.CostOf(op), refused)
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
	e := newExecutor(t, guard.Limits{AnonymousCost: math.MaxInt32 - 1})
	const scalar, object, page, item, named = 2, 6, 12, 2, 4
	for _, c := range []struct {
		query     string
		variables map[string]any
		want      int
	}{
		{"{hello}", nil, scalar},
		{"{item(id:1){id name self{id}}}", nil, 2*object + 3*scalar},
		{"{items{pageInfo{hasNextPage}}}", nil, page + 20*item}, // the page is read
		{"{items{nodes{id}}}", nil, pageOf(20)},                 // the page by default
		{"{items(first:7){nodes{id}}}", nil, pageOf(7)},
		{"{items(last:7){nodes{id}}}", nil, pageOf(7)},
		{"{items(first:7){edges{cursor node{id}}}}", nil, page + scalar + 7*(object+scalar+object+scalar)},
		{"{items(first:7){nodes{items(first:3){nodes{id}}}}}", nil, page + scalar + 7*(object+pageOf(3))}, // pages in pages
		{"query($n:Int){items(first:$n){nodes{id}}}", map[string]any{"n": int64(7)}, pageOf(7)},
		{"query($n:Int){items(first:$n){nodes{id}}}", map[string]any{"n": json.Number("7")}, pageOf(7)},
		{"query($n:Int=7){items(first:$n){nodes{id}}}", nil, pageOf(7)},
		{"query($n:Int){items(first:$n){nodes{id}}}", nil, pageOf(20)},
		{"{items(first:0){nodes{id}}}", nil, pageOf(0)},
		{"{items(first:-1){nodes{id}}}", nil, pageOf(20)},
		{"{items(first:1000000000){nodes{id}}}", nil, pageOf(100)},
		{"query($n:Int){items(first:$n){nodes{id}}}", map[string]any{"n": json.Number("4611686018427387904")}, pageOf(100)},
		{`{nodes(ids:["1","2","3"]){id name}}`, nil, scalar + 3*(named+object+2*scalar)},
		{`query($i:[ID!]!){nodes(ids:$i){id}}`, map[string]any{"i": []any{"1", "2"}}, scalar + 2*(named+object+scalar)},
		{`{nodes(ids:"1"){id}}`, nil, scalar + named + object + scalar},
		{"query($b:Boolean!){hello @include(if:$b) item(id:1) @skip(if:true){id}}", map[string]any{"b": false}, 0},
		{"query($b:Boolean!){hello @include(if:$b)}", map[string]any{"b": true}, scalar},
		{"{...F ...on Query{hello}}fragment F on Query{item(id:1){id}}", nil, object + 2*scalar},
		{"{failing(times:3){id}}", nil, scalar + 5*(object+scalar)}, // a list that cannot be asked for a size
		{"{__typename}", nil, scalar},
		{"{items(first:100){nodes{items(first:100){nodes{items(first:100){nodes{id}}}}}}}", nil,
			page + scalar + 100*(object+page+scalar+100*(object+pageOf(100)))},
	} {
		op, list := prepare(e, c.query, c.variables)
		if list != nil {
			t.Errorf("%s: %v", c.query, list)
			continue
		}
		if got := guard.CostOf(op); got != c.want {
			t.Errorf("%s %v costs %d, want %d", c.query, c.variables, got, c.want)
		}
	}
}

// pageOf is the cost of a page with one scalar of each of its items.
func pageOf(items int) int { return 12 + 2 + items*(6+2) }

// What asks for the schema's description costs as much as the description has: of each object 2 points, of each
// field that is selected of it one.
func TestCostOfTheDescription(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, guard.Limits{AnonymousCost: math.MaxInt32 - 1, EqualKeys: 1000})
	schema := testschema.NewExecutableSchema(testschema.Config{}).Schema()
	types, fields, args := len(schema.Types), 0, 0
	for _, def := range schema.Types {
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			continue
		}
		for _, f := range def.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				fields++
				args += len(f.Arguments)
			}
		}
	}
	const object, scalar = 2, 1
	for query, want := range map[string]int{
		"{__schema{description}}":         object + scalar,
		"{__schema{types{name kind}}}":    object + scalar + types*(object+2*scalar),
		"{__schema{types{fields{name}}}}": object + scalar + types*(object+scalar) + fields*(object+scalar),
		"{__schema{types{fields{args{name}}}}}": object + scalar + types*(object+scalar) + fields*(object+scalar) +
			args*(object+scalar),
		`{__type(name:"Item"){name}}`:                                        object + scalar,
		`{__type(name:"Item"){fields{name}}}`:                                object + scalar + len(schema.Types["Item"].Fields)*(object+scalar),
		`{__type(name:"Item"){kind ...F}}fragment F on __Type{ofType{name}}`: object + 2*scalar,
		`{__type(name:"Nothing"){fields{name}}}`:                             2,
		`{__type(name:"PageInfo"){fields{type{name ofType{name}}}}}`: object + scalar + (object + scalar) + (object + 2*scalar) +
			(object + scalar),
	} {
		op, list := prepare(e, query, nil)
		if list != nil {
			t.Errorf("%s: %v", query, list)
			continue
		}
		if got := guard.CostOf(op); got != want {
			t.Errorf("%s costs %d, want %d", query, got, want)
		}
	}
}

// A refusal for the cost says with which pages the operation would pass, and nothing of pages if they would not help.
func TestRefusalsNameTheLargestPage(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, guard.Limits{AnonymousCost: pageOf(30)})
	const paged = "query($n:Int){items(first:$n){nodes{id}}}"
	message := func(query string, variables map[string]any) string {
		t.Helper()
		_, list := prepare(e, query, variables)
		if len(list) != 1 {
			t.Fatalf("%s: %v", query, list)
		}
		return list[0].Message
	}
	for n := 31; n <= 101; n += 35 {
		if got := message(paged, map[string]any{"n": n}); !strings.HasSuffix(got, " pages of at most 30 items") {
			t.Errorf("a page of %d is refused with %q", n, got)
		}
	}
	if _, list := prepare(e, paged, map[string]any{"n": 30}); list != nil {
		t.Errorf("the page that the refusals name is refused: %v", list)
	}
	scalars := ""
	for i := range 19 {
		scalars += fmt.Sprintf("a%d:hello ", i)
	}
	tiny := newExecutor(t, guard.Limits{AnonymousCost: 10})
	if _, list := prepare(tiny, "{"+scalars+"}", nil); len(list) != 1 || !strings.HasSuffix(list[0].Message, "ask for fewer fields") {
		t.Errorf("without pages the refusal is %v", list)
	}
}

func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, guard.Limits{AnonymousCost: pageOf(10), Cost: pageOf(20)})
	const query = "query($n:Int){items(first:$n){nodes{id}}}"
	for user, most := range map[int64]int{0: 10, 1: 20} {
		ctx := caller.With(t.Context(), caller.New(user, user))
		for n, want := range map[int]string{most: "OK", most + 1: "QUERY_TOO_COMPLEX"} {
			_, list := e.CreateOperationContext(graphql.StartOperationTrace(ctx),
				&graphql.RawParams{Query: query, Variables: map[string]any{"n": json.Number(fmt.Sprint(n))}})
			if codeOf(list) != want {
				t.Errorf("user %d, a page of %d: %v", user, n, list)
			}
		}
	}
}

// cached is a cache that says it holds every document.
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
