package price

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/app"
	"roost/graph"
	"roost/server/guard"
	"roost/testkit/apitest"
)

// The most that an anonymous document may cost. The yardstick takes 3 to 4 ms on two cores of an Intel Xeon, where a
// document must take less than 20.
const (
	maxBytes   = 1 << 20
	yardsticks = 6
)

// A document costs an anonymous caller's node little, however hostile it is: those that somebody has thought of,
// and many that are drawn at random from the schema and repeated under aliases up to what the guard lets through. That holds
// with plans and without, because any document may be left to the resolvers; texts full of entities are asked for with plans only.
func TestWorstDocuments(t *testing.T) {
	r, w := newWorld(t)
	without := withoutPlans(r)
	resolvers := apitest.Start(t, without)
	measure := yardstick(t, r, w)
	yard := measure(10)
	seed := uint64(time.Now().UnixNano())
	t.Logf("the yardstick takes %v; seed %d", yard, seed)
	d := newDrawer(t, w, rand.New(rand.NewPCG(seed, 0)))
	queries := hostile(w)
	for range drawn {
		queries = append(queries, d.document())
	}
	for name, node := range map[string]*apitest.Roost{"with plans": r, "without plans": resolvers} {
		queries := queries
		if node == r && apitest.Plans() { // resolvers resolve each entity in a goroutine of its own, which the price of the list does not bound
			queries = append(slices.Clone(queries), d.entities()...)
		}
		var worst time.Duration
		for _, query := range queries {
			yard := yard
			took, size := price(t, node, query, yard)
			for range 5 {
				if took > yardsticks*yard { // the machine may have become slower
					yard = measure(5)
					took, size = price(t, node, query, yard)
				}
			}
			if size > maxBytes+1024 {
				t.Errorf("%s: %d bytes for %.1000s", name, size, query)
			}
			if took > yardsticks*yard {
				t.Errorf("%s: %v, %.1f times the yardstick, for %.1000s", name, took, float64(took)/float64(yard), query)
			}
			if took > worst {
				worst = took
				t.Logf("%s: %v, %d points, %d bytes for %.200s", name, took, d.price(query), size, query)
			}
		}
	}
}

// price returns the processor time that a document costs a node, and the bytes of the answer. A time that is more than half of what is
// allowed is measured again: it may have been the collector, or work of the node's own.
func price(t *testing.T, node *apitest.Roost, query string, yard time.Duration) (took time.Duration, size int) {
	t.Helper()
	took = cpu(t, func() { size = ask(t, node, query) })
	for range 3 {
		if took > yardsticks/2*yard {
			took = min(took, cpu(t, func() { ask(t, node, query) }))
		}
	}
	return took, size
}

// drawn is how many documents are drawn.
const drawn = 100

// hostile are documents that people have thought of. What the guard refuses has to be refused cheaply.
func hostile(w *world) []string {
	const ref = "type{kind name ofType{kind name ofType{kind name ofType{kind name}}}}"
	page := func(n int, what string) string {
		return fmt.Sprintf("{user(username:%q){timeline(first:100){nodes{%s}}}}", w.names[0], repeat(n, what))
	}
	return []string{
		introspection.Query,
		"{" + repeat(9, "a%d:__schema{types{fields{args{"+ref+"}}}}") + "}",
		"{" + repeat(9, "a%d:__schema{types{fields{type{fields{type{name description kind}}}}}}") + "}",
		"{" + repeat(9, "a%d:__schema{types{possibleTypes{fields{description args{description}}}interfaces{fields{description}}}}") + "}",
		"{__schema{types{" + repeat(40, "a%d:fields{type{fields{name description}}}") + "}}}",
		"{" + repeat(20, `a%d:__type(name:"Query"){fields{args{`+ref+`}type{fields{args{description}}}}}`) + "}",
		page(98, "a%d:text "), page(98, "a%d:id "), page(12, "a%d:text "), page(32, "a%d:author{id name}"), page(20, "a%d:author{id}"),
		page(32, "a%d:reactions{likeCount viewerReaction}"), page(7, "a%d:reactions{viewerReaction}"),
		page(24, "a%d:reactions{subject{id}viewerReaction}"),
		page(1, "a%d:author{timeline(first:10){nodes{id}}}"), page(3, "a%d:author{followers(first:1){totalCount}}"),
		page(2, "a%d:author{timeline(first:101){nodes{id}}}"),
		fmt.Sprintf("{user(username:%q){%s}}", w.names[0], repeat(20, "a%d:timeline(first:100){nodes{id text url}}")),
		fmt.Sprintf("{user(username:%q){%s}}", w.names[0], repeat(100, "a%d:timeline(first:1000){nodes{id}}")),
		"{" + repeat(20, fmt.Sprintf("a%%d:user(username:%q){followers(first:29){nodes{id}}}", w.names[0])) + "}",
	}
}

// entities are pages of tweets that consist of hashtags or mentions, many more than the price of a list of entities assumes. What is
// asked of each is repeated under aliases up to what the guard lets through.
func (d *drawer) entities() (all []string) {
	for _, what := range []string{
		"a%d:entities{start}", "a%d:entities{start end ... on MentionEntity{start end user{id}}}",
		"a%d:entities{... on MentionEntity{user{id username name isViewer}}}", "a%d:entities{... on HashtagEntity{hashtag{id name}}}",
	} {
		best := ""
		for n := range 100 {
			query := fmt.Sprintf("{user(username:%q){timeline(first:100){nodes{%s}}}}", d.world.mentioning, repeat(n+1, what))
			if d.price(query) < 0 {
				break
			}
			best = query
		}
		all = append(all, best)
	}
	var starts strings.Builder
	for i := range 100 {
		fmt.Fprintf(&starts, "a%d:start ", i)
	}
	for n := 100; n > 0; n-- {
		query := fmt.Sprintf("{user(username:%q){timeline(first:%d){nodes{entities{%s}}}}}", d.world.mentioning, n, starts.String())
		if d.price(query) >= 0 {
			return append(all, query)
		}
	}
	return all
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// world is who and what documents can ask for.
type world struct {
	ids, names []string
	mentioning string // a user whose tweets are full of entities
}

func newWorld(t *testing.T) (*apitest.Roost, *world) {
	t.Helper()
	const people, tweets = 30, 100
	r := apitest.New(t, apitest.Server)
	users := r.SignUps(t, "reader", people)
	w := &world{}
	ada := users[0]
	for _, u := range users[1:] {
		u.Follow(t, ada.ID)
		ada.Follow(t, u.ID)
	}
	for i := range tweets {
		w.ids = append(w.ids, ada.Tweet(t, fmt.Sprintf("%d %s", i, strings.Repeat("語", 270))))
	}
	for _, u := range users {
		w.ids = append(w.ids, u.Tweet(t, strings.Repeat("語", 280)), u.ID)
		w.names = append(w.names, u.Name)
	}
	entities := ""
	for _, name := range w.names {
		if longer := entities + "@" + name + " #n "; len(longer) <= 280 {
			entities = longer
		}
	}
	w.mentioning = users[1].Name
	for range 100 {
		users[1].Tweet(t, entities+strings.Repeat("#n ", (280-len(entities))/3))
	}
	return r, w
}

// withoutPlans is the configuration of a node beside r that answers from the resolvers.
func withoutPlans(r *apitest.Roost) app.Config {
	c := r.Config
	c.Plans, c.Roles = false, "api"
	return c
}

// yardstick is the processor time of a page of 100 tweets with 20 scalars of each. It is one of the machine: a node answers it that has
// neither plans nor rows in its process, which would shorten it. measure returns the shortest of so many times.
func yardstick(t *testing.T, r *apitest.Roost, w *world) (measure func(times int) time.Duration) {
	t.Helper()
	c := withoutPlans(r)
	c.CopiesMiB = -1
	r = apitest.Start(t, c)
	query := fmt.Sprintf("{user(username:%q){timeline(first:100){nodes{%s}}}}", w.names[0], repeat(20, "a%d:id "))
	ask(t, r, query)
	return func(times int) time.Duration {
		best := time.Hour
		for range times {
			best = min(best, cpu(t, func() { ask(t, r, query) }))
		}
		return best
	}
}

// ask sends a document without a session, and returns the size of the answer.
func ask(t *testing.T, r *apitest.Roost, query string) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(r.URL+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// drawer draws documents from the schema.
type drawer struct {
	*rand.Rand
	world  *world
	schema *ast.Schema
	exec   *executor.Executor
	limits guard.Limits
}

func newDrawer(t *testing.T, w *world, rnd *rand.Rand) *drawer {
	t.Helper()
	es := graph.Schema(&graph.Resolver{})
	e := executor.New(es)
	g, err := guard.New(guard.Limits{}, graphql.NoCache[*ast.QueryDocument]{})
	if err != nil {
		t.Fatal(err)
	}
	g.Resolved, g.ListPrice, g.Computed = graph.IsResolved, graph.ListPrice, graph.IsComputed
	e.Use(g)
	return &drawer{Rand: rnd, world: w, schema: es.Schema(), exec: e, limits: guard.Defaults()}
}

// price is the cost of a document, or -1 if it is refused.
func (d *drawer) price(query string) int {
	op, list := d.exec.CreateOperationContext(graphql.StartOperationTrace(context.Background()), &graphql.RawParams{Query: query})
	if list != nil {
		return -1
	}
	return guard.CostOf(op)
}

// document draws fields of the query type until one is let through that is worth it, and repeats it as often as the
// guard lets through.
func (d *drawer) document() string {
	for {
		field, query, cost := d.field(d.schema.Query, 0), "", 0
		for n := 1; n <= d.limits.RootFields; n++ {
			more := "{" + repeat(n, "r%d:"+field+" ") + "}"
			c := d.price(more)
			if c < 0 {
				break
			}
			query, cost = more, c
		}
		if cost > d.limits.AnonymousCost/3 {
			return query
		}
	}
}

// field draws a field of a type, with what is selected below it.
func (d *drawer) field(of *ast.Definition, depth int) string {
	fields := of.Fields
	if of == d.schema.Query && d.IntN(4) > 0 { // the description of the schema has two of many fields
		fields = slices.DeleteFunc(slices.Clone(fields), func(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "__") })
	}
	f := fields[d.IntN(len(fields))]
	below := d.schema.Types[f.Type.Name()]
	return f.Name + d.arguments(f) + d.selection(below, depth+1)
}

// selection draws what is selected of a type: a few fields, or one of them many times.
func (d *drawer) selection(of *ast.Definition, depth int) string {
	if of.IsLeafType() {
		return ""
	}
	if depth > 9 {
		return "{__typename}"
	}
	var b strings.Builder
	b.WriteString("{__typename ")
	if of.Kind == ast.Union || of.Name == "Node" || of.Name == "Reactable" {
		possible := d.schema.GetPossibleTypes(of)
		object := possible[d.IntN(len(possible))]
		fmt.Fprintf(&b, "... on %s%s}", object.Name, d.selection(object, depth))
		return b.String()
	}
	if d.IntN(3) == 0 {
		field := d.field(of, depth)
		n := min(1+d.IntN(100), max(1, d.limits.Bytes/len(field)))
		b.WriteString(repeat(n, "a%d:"+field+" "))
	} else {
		for i := range 1 + d.IntN(4) {
			fmt.Fprintf(&b, "b%d:%s ", i, d.field(of, depth))
		}
	}
	b.WriteString("}")
	return b.String()
}

// arguments draws arguments that lead somewhere.
func (d *drawer) arguments(f *ast.FieldDefinition) string {
	var list []string
	for _, a := range f.Arguments {
		switch a.Name {
		case "first":
			list = append(list, fmt.Sprintf("first:%d", []int{1, 5, 30, 100}[d.IntN(4)]))
		case "username":
			list = append(list, fmt.Sprintf("username:%q", d.world.names[d.IntN(2)*d.IntN(len(d.world.names))]))
		case "id":
			list = append(list, fmt.Sprintf("id:%q", d.world.ids[d.IntN(len(d.world.ids))]))
		case "ids", "subjectIds":
			some := slices.Clone(d.world.ids)
			d.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			raw, _ := json.Marshal(some[:min(len(some), 1+d.IntN(100))])
			list = append(list, a.Name+":"+string(raw))
		case "name":
			list = append(list, fmt.Sprintf("name:%q", []string{"User", "Query", "Mutation", "Tweet"}[d.IntN(4)]))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "(" + strings.Join(list, " ") + ")"
}
