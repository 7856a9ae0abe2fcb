package graph_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/events"
	"roost/graph"
	"roost/internal/caller"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/live"
	"roost/loaders"
	"roost/rows"
	"roost/server/document"
	"roost/testkit/domaintest"
	"roost/testkit/rowstest"
)

// world is a small site whose operations are answered in two ways.
type world struct {
	users, tweets []int64
	sessions      []string // global ids
	retweets      []string // global ids, also of retweets that ended
	plans         *executor.Executor
	resolvers     *executor.Executor
	schema        graphql.ExecutableSchema
	db            *sqldb.DB
	domain        *domaintest.Domain
	resolver      *graph.Resolver
	plan          *graph.Plans

	mu       sync.Mutex
	outcomes map[graph.Outcome]int
}

func (w *world) count(o graph.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[o]++
}

// posted posts a tweet, and returns its global id.
func (w *world) posted(t *testing.T, author int64) string {
	t.Helper()
	return tweetID(w.domain.Post(t, author, "mine"))
}

func newWorld(t testing.TB, users, count int) *world {
	t.Helper()
	d := domaintest.New(t)
	w := &world{db: d.DB, domain: d, users: d.Users(t, users), outcomes: map[graph.Outcome]int{}}
	for i := range count {
		author := w.users[i*i%users]
		draft := tweets.Draft{Text: worldText(i)}
		if i%3 == 2 {
			draft.InReplyTo = w.tweets[i/2]
		}
		d.Do(t, func(ctx context.Context) error {
			made, err := d.Tweets.PostDraft(ctx, author, draft)
			if err == nil {
				w.tweets = append(w.tweets, int64(made.ID))
			}
			return err
		})
	}
	for i, follower := range w.users {
		for step := 1; step < users; step += 1 + i%5 {
			d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, follower, w.users[(i+step)%users]) })
		}
	}
	for i, id := range w.tweets {
		for k := range i % 4 {
			d.Do(t, func(ctx context.Context) error {
				_, err := d.Reactions.Set(ctx, w.users[(i+k)%users], id, []reactions.Kind{reactions.Like, reactions.Dislike}[k%2])
				return err
			})
		}
		for k := range i % 3 {
			d.Do(t, func(ctx context.Context) error {
				_, _, err := d.Retweets.Retweet(ctx, w.users[(i+2*k)%users], id)
				return err
			})
			w.retweets = append(w.retweets, lastRetweet(d))
		}
		if i%7 == 1 { // the first of its retweets
			d.Do(t, func(ctx context.Context) error {
				_, _, err := d.Retweets.Undo(ctx, w.users[i%users], id)
				return err
			})
		}
		if i%11 == 0 {
			d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, w.users[i*i%users], id) })
		}
	}
	for _, u := range w.users[:users-2] { // two have no session, which is an error
		for k := range 1 + u%3 {
			now := d.Clock.Now()
			row := d.Client.Session.Create().SetID(u + 1000*k).SetUserID(u).SetKeyHash([]byte("none")).SetCreatedAt(now).SetLastUsedAt(now).
				SetExpiresAt(now.Add(time.Hour))
			if k == 1 {
				row.SetEndedAt(now).SetEndReason("REVOKED").SetDeviceName("phone")
			}
			if err := row.Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.sessions = append(w.sessions, ids.SessionID{User: u, ID: u + 1000*k}.String())
		}
	}
	if _, err := d.Search.Rebuild(t.Context(), false, nil); err != nil {
		t.Fatal(err)
	}
	from := rows.Sources{Accounts: d.Accounts, Counts: d.Counts, Follows: d.Follows, Tweets: d.Tweets, Reactions: d.Reactions,
		Retweets: d.Retweets, Timelines: d.Timelines, Search: d.Search}
	store := rowstest.New(t, from)
	resolver := &graph.Resolver{Hub: live.New(nil), PublicURL: "http://localhost:8080", DocumentBytes: 4096,
		Sources: loaders.Sources{Sources: from, Rows: store, Sessions: accounts.NewAuthenticator(store.SessionsOf, d.Clock)}}
	plans := graph.NewPlans(graph.PlansConfig{Resolver: resolver, Outcome: func(_ ast.Operation, o graph.Outcome) { w.count(o) }})
	w.schema, w.resolver, w.plan = graph.Schema(resolver), resolver, plans
	w.resolvers = executorOf(w.schema, resolver)
	w.plans = executorOf(w.schema, resolver, plans)
	return w
}

// worldText is the text of the i-th tweet.
func worldText(i int) string {
	text := fmt.Sprintf("tweet %d says \"hi\" to\nall \\ éλ😀", i)
	if i%2 == 0 {
		text += fmt.Sprintf(" #Roost%d #roost @user%d @nobody%d", i%5, i%7+1, i%3)
	}
	if i%3 == 0 {
		text += " #ROOST #éΛ http://example.com/a_(b)?c=<d>, @User1"
	}
	return text
}

// lastRetweet returns the global id of the retweet that was made last.
func lastRetweet(d *domaintest.Domain) string {
	all := d.Emitted()
	e := all[len(all)-1].(events.TweetRetweeted)
	return ids.RetweetID{Tweet: e.TweetID, User: e.UserID, SortKey: e.SortKey}.String()
}

// keptDocuments is how many documents an executor of a test keeps.
const keptDocuments = 50

func executorOf(schema graphql.ExecutableSchema, r *graph.Resolver, more ...graphql.HandlerExtension) *executor.Executor {
	exec := executor.New(schema)
	exec.SetQueryCache(lru.New[*ast.QueryDocument](keptDocuments))
	exec.SetErrorPresenter(graph.Present)
	exec.SetRecoverFunc(graph.Recover)
	slots, _ := simplelru.NewLRU[*ast.QueryDocument, *document.Slot](keptDocuments, nil) // fails for sizes below 1 only
	exec.Use(&keeper{slots: slots})
	for _, e := range append(more, graph.Pages{}, graph.LoaderScope{Sources: r.Sources}) {
		exec.Use(e)
	}
	return exec
}

// keeper is an extension that keeps slots of documents, as the server does.
type keeper struct {
	mu    sync.Mutex
	slots *simplelru.LRU[*ast.QueryDocument, *document.Slot]
}

func (*keeper) ExtensionName() string                   { return "Keeper" }
func (*keeper) Validate(graphql.ExecutableSchema) error { return nil }

func (k *keeper) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	slot, ok := k.slots.Get(oc.Doc)
	if !ok {
		slot = new(document.Slot)
		k.slots.Add(oc.Doc, slot)
	}
	document.With(&oc.Stats, slot)
	return nil
}

// run executes an operation. ok is false if it is not valid.
func run(t testing.TB, exec *executor.Executor, document string, variables map[string]any, viewer int64) (resp *graphql.Response, ok bool) {
	return runIn(t.Context(), exec, document, variables, viewer)
}

// runIn is run in a context.
func runIn(ctx context.Context, exec *executor.Executor, document string, variables map[string]any, viewer int64,
) (resp *graphql.Response, ok bool) {
	ctx = caller.With(graphql.StartOperationTrace(ctx), caller.New(viewer, viewer))
	oc, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	if len(errs) > 0 {
		return nil, false
	}
	responses, ctx := exec.DispatchOperation(ctx, oc)
	return responses(ctx), true
}

func tweetID(id int64) string { return ids.TweetID(id).String() }
func userID(id int64) string  { return ids.UserID(id).String() }
