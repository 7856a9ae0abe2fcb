package plan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/graph/plan"
)

// schema is that of a small site in memory. Post p has the author p%7%6, and its replies are the posts after it.
var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	type Query { home(first: Int = 20): Page! post(id: Int): Post fails: Post }
	type Page { posts: [Post!]! total: Int! }
	type Post { id: Int! text: String! author: User! replies(first: Int = 3): [Post!]! bad: Int! absent: User! }
	type User { id: Int! name: String! }
`})

// memory is the environment of the runs of a test. It notes what was asked.
type memory struct {
	fetched int
	asked   []string
	kept    []string
}

func (m *memory) Fetch(context.Context) { m.fetched++ }

// stub answers a column from a function.
type stub[V any] struct {
	name string
	of   func(k int) (V, error)
}

func (s *stub[V]) Ask(r *plan.Run, keys []int) bool {
	if m := r.Env.(*memory); m.asked != nil {
		m.asked = append(m.asked, fmt.Sprint(s.name, keys))
	}
	return true
}

func (s *stub[V]) Answer(_ *plan.Run, keys []int, to []V) ([]V, error) {
	for _, k := range keys {
		v, err := s.of(k)
		if err != nil {
			return to, err
		}
		to = append(to, v)
	}
	return to, nil
}

func (s *stub[V]) Keep(r *plan.Run, keys []int, values []V, err error) {
	m := r.Env.(*memory)
	m.kept = append(m.kept, fmt.Sprint(s.name, keys, values, err))
}

func (s *stub[V]) Reset() {}

func column[V any](name string, of func(k int) (V, error)) *plan.Column[int, V] {
	return &plan.Column[int, V]{Source: func() plan.Source[int, V] { return &stub[V]{name: name, of: of} }}
}

var errAway = errors.New("away")

type window struct{ size int }

var (
	postRow = column("post", func(k int) (string, error) { return fmt1[k%len(fmt1)], nil })
	authors = column("author", func(k int) (int, error) { return k % 7, nil })
	names   = column("name", func(k int) (string, error) { return fmt1[k], nil })
	total   = column("total", func(k int) (int, error) { return 1000, nil })
	away    = column("away", func(k int) (int, error) {
		if k > 3 {
			return 0, errAway
		}
		return k, nil
	})
	query, post, user *plan.Type[int]
	page              *plan.Type[window]
)

// fmt1 are texts that are there already, so that the stubs allocate nothing.
var fmt1 = []string{"zero", "one", "two", "three", "four", "five", "six", "seven"}

func number(b []byte, n int) []byte { return plan.AppendInt(b, int32(n)) }

func first(r *plan.Run, a plan.Args) (int, bool) {
	v, _ := a.Get(r, "first")
	n, err := graphql.UnmarshalInt(v)
	return n, err == nil && n <= 200
}

func postType() *plan.Type[int]    { return post }
func userType() *plan.Type[int]    { return user }
func pageType() *plan.Type[window] { return page }

func init() {
	id := plan.Key(func(_ *plan.Run, b []byte, k int) []byte { return number(b, k) })
	user = &plan.Type[int]{Name: "User", Is: []string{"User"}, Exists: plan.Exists(names, func(n string) bool { return n != "six" }),
		Fields: map[string]plan.Field[int]{"id": id, "name": plan.Leaf(names, plan.AppendString)}}
	post = &plan.Type[int]{Name: "Post", Is: []string{"Post"}, Fields: map[string]plan.Field[int]{
		"id": id, "text": plan.Leaf(postRow, plan.AppendString), "bad": plan.Leaf(away, number),
		"author": plan.One(authors, userType, func(a int) (int, bool) { return a % 6, true }, nil),
		"absent": plan.One(authors, userType, func(int) (int, bool) { return 6, true }, nil),
		"replies": plan.Items(postType, func(r *plan.Run, a plan.Args, k int, to []int) ([]int, bool) {
			n, ok := first(r, a)
			for i := range n {
				to = append(to, k+i+1)
			}
			return to, ok
		}),
	}}
	page = &plan.Type[window]{Name: "Page", Is: []string{"Page"}, Fields: map[string]plan.Field[window]{
		"posts": plan.Items(postType, func(_ *plan.Run, _ plan.Args, w window, to []int) ([]int, bool) {
			for i := range w.size {
				to = append(to, i)
			}
			return to, true
		}),
		"total": plan.Through(total, func(w window) int { return w.size }, number),
	}}
	query = &plan.Type[int]{Name: "Query", Is: []string{"Query"}, Fields: map[string]plan.Field[int]{
		"home": plan.Link(pageType, func(r *plan.Run, a plan.Args) func(int) (window, bool) {
			n, ok := first(r, a)
			if !ok {
				return nil
			}
			return func(int) (window, bool) { return window{n}, true }
		}),
		"post": plan.Link(postType, func(r *plan.Run, a plan.Args) func(int) (int, bool) {
			v, _ := a.Get(r, "id")
			n, err := graphql.UnmarshalInt(v)
			return func(int) (int, bool) { return n, err == nil }
		}),
	}}
}

func compile(t testing.TB, document string, vars map[string]any) (*plan.Plan, string) {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(schema, document, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	oc := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: vars}
	return plan.Compile(oc, query, oc.Operation.SelectionSet)
}

// answer runs a document, and returns the answer or how the run ended.
func answer(t testing.TB, m *memory, document string, vars map[string]any, most int) string {
	t.Helper()
	p, why := compile(t, document, vars)
	if p == nil {
		return "not compiled: " + why
	}
	data, result := p.Answer(t.Context(), m, vars, 0, most, nil)
	if result != plan.Answered {
		return result.String()
	}
	return string(data)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{ post(id: 5) { id text author { name } } }`: `{"post":{"id":5,"text":"five","author":{"name":"five"}}}`,
		`{ a: post(id: 1) { text } b: post { id } }`:  `{"a":{"text":"one"},"b":{"id":0}}`,
		`{ home(first: 2) { total posts { id replies(first: 1) { id } } __typename } }`: `{"home":{"total":1000,"posts":[` +
			`{"id":0,"replies":[{"id":1}]},{"id":1,"replies":[{"id":2}]}],"__typename":"Page"}}`,
		`{ home(first: 0) { posts { text } } }`:             `{"home":{"posts":[]}}`,
		`{ post(id: 3) { bad } }`:                           `{"post":{"bad":3}}`,
		`{ post(id: 4) { bad } }`:                           "error",
		`{ home(first: 201) { total } }`:                    "argument",
		`{ post(id: 1) { absent { name } } }`:               "null",
		`{ fails { id } }`:                                  "not compiled: Query.fails",
		`{ __schema { __typename } }`:                       "not compiled: Query.__schema",
		`{ home { posts { id text author { id name } } } }`: "large",
	} {
		if got := answer(t, &memory{}, document, nil, 200); got != want {
			t.Errorf("%s\nis %s\nwant %s", document, got, want)
		}
	}
}

// A column is asked once a level, each key once, whatever the number of places that need it.
func TestColumnsAreAskedOnceALevel(t *testing.T) {
	t.Parallel()
	m := &memory{asked: []string{}}
	got := answer(t, m, `{ a: post(id: 1) { text author { name } } b: post(id: 1) { text author { name } }
		c: post(id: 8) { author { id name } text } }`, nil, 1000)
	if got == "error" || m.fetched != 2 {
		t.Errorf("%s after %d fetches", got, m.fetched)
	}
	slices.Sort(m.asked)
	if want := "[author[1 8] name[1] post[1 8]]"; fmt.Sprint(m.asked) != want {
		t.Errorf("asked %v, want %s", m.asked, want)
	}
}

// A run that does not answer hands over what it has read, and the error of a batch for all of its keys.
func TestAnswersAreHandedOver(t *testing.T) {
	t.Parallel()
	m := &memory{}
	if got := answer(t, m, `{ home(first: 5) { posts { text bad } } }`, nil, 1000); got != "error" {
		t.Errorf("it ended with %s", got)
	}
	want := []string{"away[0 1 2 3 4] [] away", "post[0 1 2 3 4] [zero one two three four] <nil>"}
	if slices.Sort(m.kept); !slices.Equal(m.kept, want) {
		t.Errorf("handed over\n%q\nwant\n%q", m.kept, want)
	}
	ok := &memory{}
	if answer(t, ok, `{ post(id: 1) { text } }`, nil, 1000); ok.kept != nil {
		t.Errorf("an answered run hands over %v", ok.kept)
	}
}

const homePage = `query($n: Int) { home(first: $n) { total posts { id text author { id name } replies { id text author { name } } } } }`

// The memory of a page comes from earlier runs: its size does not matter, nor that each post has replies.
func TestPagesAllocateLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random")
	}
	var m memory
	buffer := make([]byte, 0, 1<<20)
	for _, n := range []int{1, 20, 100} {
		vars := map[string]any{"n": n}
		p, why := compile(t, homePage, vars)
		if p == nil {
			t.Fatal(why)
		}
		var result plan.Result
		got := testing.AllocsPerRun(50, func() { _, result = p.Answer(t.Context(), &m, vars, 0, 1<<20, buffer) })
		if result != plan.Answered || got > 25 {
			t.Errorf("a page of %d: %v after %v allocations", n, result, got)
		}
	}
}

// The memory of a run with very many objects is not kept.
func TestLargeRunsAreDropped(t *testing.T) {
	t.Parallel()
	vars := map[string]any{}
	p, why := compile(t, `{ home(first: 200) { posts { replies(first: 200) { id text } } } }`, vars)
	if p == nil {
		t.Fatal(why)
	}
	for range 3 {
		if _, result := p.Answer(t.Context(), &memory{}, vars, 0, 1<<30, nil); result != plan.Answered {
			t.Fatal(result)
		}
	}
	if n := plan.Kept(p); n != 0 {
		t.Errorf("a run with %d slots is kept", n)
	}
}

func BenchmarkPage(b *testing.B) {
	var m memory
	vars := map[string]any{"n": 20}
	p, _ := compile(b, homePage, vars)
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer, _ = p.Answer(b.Context(), &m, vars, 0, 1<<20, buffer[:0])
	}
}
