package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"roost/domain/tweets"
	"roost/graph"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/pullstream"
	"roost/testkit/testtime"
)

// workers is how many documents are executed at once: resolvers mostly wait for their loaders.
const workers = 16

// random executes random documents through both executors. may reports whether a difference is allowed.
func (w *world) random(t *testing.T, documents int, may func(answer string) bool) {
	t.Helper()
	t.Run("random", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for seed := worker; seed < documents && !t.Failed(); seed += workers {
					g := &writing{Rand: rand.New(rand.NewPCG(uint64(seed), 5)), w: w, schema: w.schema.Schema(), variables: map[string]any{}}
					doc, viewer := g.document(), int64(0)
					if g.IntN(5) > 0 {
						viewer = w.users[g.IntN(len(w.users))]
					}
					if msg := w.compare(t, doc, g.variables, viewer, may); msg != "" {
						t.Errorf("seed %d: %s", seed, msg)
					}
				}
			})
		}
	})
}

// compare executes a document through both executors, and describes a difference.
func (w *world) compare(t *testing.T, doc string, variables map[string]any, viewer int64, may func(answer string) bool) string {
	want, ok := run(t, w.resolvers, doc, variables, viewer)
	if !ok {
		w.count("invalid")
		return ""
	}
	got, _ := run(t, w.plans, doc, variables, viewer)
	answer, wanted := textOf(got), textOf(want)
	if answer == wanted || may != nil && may(answer) {
		return ""
	}
	// When several fields fail at once, it depends on their goroutines how many of the failures gqlgen reports. Both executors leave the
	// document to it, so each has several answers.
	answers, wants := map[string]bool{answer: true}, map[string]bool{wanted: true}
	for tries := 0; tries < 20 && len(want.Errors) > 0; tries++ {
		again, _ := run(t, w.resolvers, doc, variables, viewer)
		planned, _ := run(t, w.plans, doc, variables, viewer)
		wants[textOf(again)], answers[textOf(planned)] = true, true
		if answers[textOf(again)] || wants[textOf(planned)] {
			return ""
		}
	}
	return fmt.Sprintf("viewer %d, variables %v\n%s\ngot\n%s\nwant\n%s", viewer, variables, doc, answer, wanted)
}

// Plans answer a query with the bytes that the resolvers answer with, or leave it to them.
func TestPlansAnswerAsResolversDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 24, 120)
	documents := testtime.Soak(raced(20_000), 1_000_000)
	w.random(t, documents, nil)
	t.Logf("%d documents: %v", documents, w.outcomes)
	if planned := w.outcomes["answered"]; planned < documents*7/10 || w.outcomes[graph.Panicked] > 0 {
		t.Errorf("%d of %d documents were answered by plans", planned, documents)
	}
}

// raced is the number of documents with the race detector, under which they take fifteen times as long.
func raced(n int) int {
	if raceEnabled {
		return n / 20
	}
	return n
}

// A plan does not answer where a store fails. The resolvers answer then, or the query is refused because too many are there already.
func TestPlansLeaveFailuresToResolvers(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"tweets", "users", "reactions", "follows", "user_stats", "tweet_stats", "sessions"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 12, 30)
			if _, err := w.db.ExecContext(t.Context(), "ALTER TABLE "+table+" RENAME TO gone"); err != nil {
				t.Fatal(err)
			}
			busy := func(answer string) bool {
				return strings.HasPrefix(answer, `{"errors":[{"message":"the server is busy, try again",`)
			}
			w.random(t, testtime.Soak(raced(1000), 20_000), busy)
			// Few documents are about sessions, and whether one is refused depends on how many meet the failure in the same moment.
			allSeen := func() bool {
				return w.outcomes["error"] > 0 && w.outcomes["answered"] > 0 && (w.outcomes[graph.Shed] > 0 || raceEnabled)
			}
			for more := 2; more < 12 && !allSeen(); more++ {
				w.random(t, more*raced(1000), busy)
			}
			t.Log(w.outcomes)
			if !allSeen() {
				t.Error("no document met the failure, none was answered, or none was refused")
			}
		})
	}
}

// The documents of clients and of the budgets are answered by plans, for viewers and for strangers.
func TestPlansAnswerTheCorpus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 24, 120)
	fragments := read(t, "../suite/costs/testdata/fragments.graphql")
	tried := 0
	for _, pattern := range []string{"../suite/costs/testdata/*.graphql", "testdata/plans/*.graphql"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			doc := withSpreads(read(t, file), fragments)
			if !strings.HasPrefix(doc, "query") && !strings.HasPrefix(doc, "{") || strings.Contains(doc, "__schema") {
				continue
			}
			tried++
			for _, viewer := range []int64{0, w.users[0], w.users[3]} {
				vars := map[string]any{"n": 5, "m": 2, "id": tweetID(w.tweets[5]), "ids": []any{tweetID(w.tweets[7]), tweetID(w.tweets[8])},
					"on": viewer != 0, "off": viewer == 0}
				before := w.outcomes["answered"]
				if msg := w.compare(t, doc, only(doc, vars), viewer, nil); msg != "" {
					t.Errorf("%s: %s", file, msg)
				}
				if w.outcomes["answered"] == before && w.outcomes["invalid"] == 0 {
					t.Errorf("%s: no plan answered: %v", file, w.outcomes)
				}
				w.outcomes["invalid"] = 0
			}
		}
	}
	if tried < 30 {
		t.Errorf("only %d documents", tried)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(text), "")
}

// withSpreads appends the fragments that a document spreads.
func withSpreads(doc, fragments string) string {
	added := map[string]bool{}
	for again := true; again; {
		again = false
		for _, m := range regexp.MustCompile(`\.\.\.\s*([A-Z]\w*)`).FindAllStringSubmatch(doc, -1) {
			if i := strings.Index("\n"+fragments, "\nfragment "+m[1]+" "); i >= 0 && !added[m[1]] {
				text, _, _ := strings.Cut(fragments[i:], "\n}\n")
				doc += "\n" + text + "\n}\n"
				added[m[1]], again = true, true
			}
		}
	}
	return doc
}

// only returns the variables that a document declares.
func only(doc string, vars map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range vars {
		if strings.Contains(doc, "$"+name+":") {
			out[name] = v
		}
	}
	return out
}

// observer is an extension that has a plan write the payload of each mutation that gqlgen writes, too.
type observer struct {
	plans   *graph.Plans
	planned map[string]string // by path
}

func (*observer) ExtensionName() string                   { return "Observer" }
func (*observer) Validate(graphql.ExecutableSchema) error { return nil }

func (o *observer) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	res, err := next(ctx)
	payload, ok := res.(interface{ Content() *model.Payload })
	if !ok || err != nil {
		return res, err
	}
	written, _ := o.plans.InterceptField(ctx, func(context.Context) (any, error) { return payload, nil })
	if m, ok := written.(graphql.Marshaler); ok {
		var b strings.Builder
		m.MarshalGQL(&b)
		o.planned[graphql.GetPath(ctx).String()] = b.String()
	}
	return res, err
}

// Plans write the payloads of mutations as the resolvers do.
func TestPlansWritePayloads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8, 20)
	o := &observer{plans: w.plan, planned: map[string]string{}}
	exec := executorOf(w.schema, w.resolver, o)
	me, other := w.users[0], w.users[4]
	own := w.posted(t, me)
	const tweet = `id text url createdAt author { id username tweetCount } viewerCanDelete
		retweetCount viewerHasRetweeted retweets(first: 3) { edges { cursor node { id user { id } } } pageInfo { hasNextPage endCursor } }
		reactions { likeCount viewerReaction revision subject { id __typename ... on Tweet { text } } }`
	const user = `id username bio websiteUrl followers(first: 2) { totalCount nodes { username viewerIsFollowing } pageInfo { hasNextPage } }`
	const viewer = `email sessionPolicy user { ` + user + ` } homeTimeline(first: 3) { nodes { id } eventCursor }`
	const errors = `__typename userErrors { code message path limit } ... on MutationPayload { again: userErrors { code } }`
	for name, doc := range map[string]string{
		"createTweet": `createTweet(input: {text: "a \"new\" one"}) {
			tweet { ` + tweet + ` } timelineEdge { cursor node { ` + tweet + ` } } ` + errors + ` }`,
		"too long": `createTweet(input: {text: "` + strings.Repeat("x", tweets.MaxLength+1) + `"}) { tweet { id } timelineEdge {
			cursor } ` + errors + ` }`,
		"setReaction": `setReaction(input: {subjectId: "` + own + `", reaction: LIKE}) {
			subject { id ... on Tweet { ` + tweet + ` } } ` + errors + ` }`,
		"retweet": `retweet(input: {tweetId: "` + own + `"}) {
			retweet { id createdAt user { ` + user + ` } tweet { ` + tweet + ` } } tweet { ` + tweet + ` } ` + errors + ` }`,
		"retweet again": `a: retweet(input: {tweetId: "` + tweetID(w.tweets[2]) + `"}) { retweet { id } tweet { retweetCount } }
			b: retweet(input: {tweetId: "` + tweetID(w.tweets[2]) + `"}) { retweet { id createdAt } tweet { ` + tweet + ` } ` + errors + ` }`,
		"unretweet": `a: retweet(input: {tweetId: "` + tweetID(w.tweets[3]) + `"}) { retweet { id } }
			b: unretweet(input: {tweetId: "` + tweetID(w.tweets[3]) + `"}) { deletedRetweetId tweet { ` + tweet + ` } ` + errors + ` }
			c: unretweet(input: {tweetId: "` + tweetID(w.tweets[3]) + `"}) { deletedRetweetId tweet { ` + tweet + ` } ` + errors + ` }`,
		"no such retweet": `retweet(input: {tweetId: "x"}) { retweet { id } tweet { id } ` + errors + ` }
			b: unretweet(input: {tweetId: "x"}) { deletedRetweetId tweet { id } ` + errors + ` }`,
		"no such": `setReaction(input: {subjectId: "x", reaction: LIKE}) { subject { id } ` + errors + ` }`,
		"followUser": `followUser(input: {userId: "` + userID(other) + `"}) {
			user { ` + user + ` } viewer { ` + viewer + ` } ` + errors + ` }`,
		"self": `followUser(input: {userId: "` + userID(me) + `"}) { user { id } viewer { email } ` + errors + ` }`,
		"unfollowUser": `unfollowUser(input: {userId: "` + userID(w.users[1]) + `"}) {
			user { ` + user + ` } viewer { ` + viewer + ` } ` + errors + ` }`,
		"updateProfile":       `updateProfile(input: {name: "N", bio: null}) { user { ` + user + ` } ` + errors + ` }`,
		"revokeOtherSessions": `revokeOtherSessions { sessions { id endedAt endReason isCurrent } ` + errors + ` }`,
		"revokeSession":       `revokeSession(input: {sessionId: "x"}) { session { id } ` + errors + ` }`,
		"updateSettings":      `updateSettings(input: {email: "nonsense"}) { viewer { email } ` + errors + ` }`,
		"signUp": `signUp(input: {username: "fresh", email: "f@example.com", password: "correct horse", tokenDelivery: TOKEN}) {
			token viewer { user { username isViewer } currentSession { isCurrent deviceName } } session { id isCurrent } ` + errors + ` }`,
		"logIn": `logIn(input: {login: "nobody", password: "correct horse", tokenDelivery: TOKEN}) { token viewer {
			email } ` + errors + ` }`,
		"deleteTweet and more": `deleteTweet(input: {tweetId: "` + w.posted(t, me) + `"}) { deletedTweetId ` + errors + ` }
			second: createTweet(input: {text: "one more"}) { tweet { author { tweetCount } } }`,
	} {
		clear(o.planned)
		resp, ok := run(t, exec, "mutation { "+doc+" }", nil, me)
		if !ok || len(resp.Errors) > 0 {
			t.Errorf("%s: valid %v: %v", name, ok, resp)
			continue
		}
		var data map[string]json.RawMessage
		if err := json.Unmarshal(resp.Data, &data); err != nil {
			t.Fatal(err)
		}
		for field, want := range data {
			if got := o.planned[field]; got != string(want) {
				t.Errorf("%s: the plan writes\n%s\nand the resolvers\n%s", name, got, want)
			}
		}
	}
	if w.outcomes["answered"] < 21 {
		t.Errorf("%v", w.outcomes)
	}
}

// A document keeps at most so many plans, whatever the values of its conditions.
func TestPlansOfConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, 8)
	doc, declared, vars := "", []string{}, map[string]any{}
	for i := range 7 {
		declared = append(declared, fmt.Sprintf("$v%d: Boolean!", i))
		doc += fmt.Sprintf(" a%d: __typename @include(if: $v%d) b%d: limits @skip(if: $v%d) { pageSize }", i, i, i, i)
	}
	doc = "query(" + strings.Join(declared, ", ") + ") {" + doc + " }"
	for mask := range 128 {
		for i := range 7 {
			vars[fmt.Sprintf("v%d", i)] = mask>>i&1 == 1
		}
		if msg := w.compare(t, doc, vars, 0, nil); msg != "" {
			t.Fatal(msg)
		}
	}
	if w.outcomes["answered"] != 128 {
		t.Errorf("%v", w.outcomes)
	}
}

// Plans write what events of a subscription contain as the resolvers do.
func TestPlansWriteEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 6, 12)
	doc := `subscription { reactionsChanged(subjectIds: ["` + tweetID(w.tweets[7]) + `"]) { id ... on Tweet { text
		reactions { ...R again: likeCount } author { username } } } }
		fragment R on ReactionSummary { likeCount dislikeCount revision viewerReaction subject { id ... on Tweet { text author { name } } } }`
	answers := map[string]string{}
	for name, exec := range map[string]*executor.Executor{"plans": w.plans, "resolvers": w.resolvers} {
		ctx, cancel := context.WithCancel(caller.With(graphql.StartOperationTrace(t.Context()), caller.New(w.users[0], w.users[0])))
		defer cancel()
		ctx, events := pullstream.With(ctx)
		defer events.Close()
		oc, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: doc})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		responses, ctx := exec.DispatchOperation(ctx, oc)
		events.Next()
		answers[name] = textOf(responses(ctx))
	}
	if answers["plans"] != answers["resolvers"] || !strings.Contains(answers["plans"], `"viewerReaction"`) {
		t.Errorf("plans write\n%s\nand resolvers\n%s", answers["plans"], answers["resolvers"])
	}
	if w.outcomes["answered"] != 1 {
		t.Errorf("%v", w.outcomes)
	}
}
