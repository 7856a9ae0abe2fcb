package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/events"
	"roost/graph/generated"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/live"
	"roost/loaders"
)

// BatchSize is the most ids of one batch lookup or subscription.
const BatchSize = 100

// Resolver is the root of all resolvers.
type Resolver struct {
	Sources loaders.Sources
	Hub     *live.Hub
	Log     *events.Reader
	// PublicURL is the address of this site for its users, without a slash at the end.
	PublicURL string
	// DocumentBytes is the length of the longest document that the guard lets through.
	DocumentBytes int
}

// The packages of the domain that resolvers call.
func (r *Resolver) accounts() *accounts.Accounts    { return r.Sources.Accounts }
func (r *Resolver) follows() *follows.Follows       { return r.Sources.Follows }
func (r *Resolver) tweets() *tweets.Tweets          { return r.Sources.Tweets }
func (r *Resolver) reactions() *reactions.Reactions { return r.Sources.Reactions }
func (r *Resolver) retweets() *retweets.Retweets    { return r.Sources.Retweets }

var _ generated.ResolverRoot = (*Resolver)(nil)

type queries struct{ *Resolver }

// Query resolves the read operations.
func (r *Resolver) Query() generated.QueryResolver { return queries{r} }

var errUnauthenticated = errs.New(errs.Unauthenticated, "sign in first")

// signedIn returns the caller; without a session the error is UNAUTHENTICATED.
func signedIn(ctx context.Context) (*caller.Caller, error) {
	who := caller.From(ctx)
	if who.UserID() == 0 {
		return nil, errUnauthenticated
	}
	return who, nil
}

// batch refuses more than BatchSize ids with BAD_REQUEST.
func batch(ids []string) error {
	if len(ids) > BatchSize {
		return errs.Newf(errs.BadRequest, "at most %d ids at once", BatchSize)
	}
	return nil
}

// pageSize is the most items of a page.
const pageSize = cursors.MaxSize

// load loads one key. Outside of lists it does so at once: there are no siblings with which to share a batch.
func load[K comparable, V any](ctx context.Context, q *loaders.Question[K, V], key K) (V, error) {
	if inList(ctx) {
		return q.Load(ctx, key)
	}
	return q.LoadNow(ctx, key)
}

// loadAll is load for many keys.
func loadAll[K comparable, V any](ctx context.Context, q *loaders.Question[K, V], keys []K) ([]V, error) {
	if inList(ctx) {
		return q.LoadAll(ctx, keys)
	}
	return q.LoadAllNow(ctx, keys)
}

// inList reports whether the field that is being resolved belongs to an item of a list.
func inList(ctx context.Context) bool {
	for fc := graphql.GetFieldContext(ctx); fc != nil; fc = fc.Parent {
		if fc.Index != nil {
			return true
		}
	}
	return false
}
