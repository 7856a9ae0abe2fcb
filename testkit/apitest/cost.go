package apitest

import (
	"context"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/app"
	"roost/internal/reqstats"
)

// Cost is what an answer cost the node, over HTTP or a socket, after the check of the session.
type Cost struct {
	// SQL is the number of statements of the operation, or of the resolution of one event.
	SQL int64
	// Before is set for an event. It is the number of statements that the subscription has run so far to decide what to
	// send, without the statements that resolved events.
	Before int64
	// Redis is the number of round trips to Redis, counted over the same work as SQL.
	Redis int64
	// Waits is the number of batches of the loaders that waited for their timer.
	Waits int64
}

// Metered makes a node report the cost of every answer in it; Response.Costs reads it.
func Metered(c *app.Config) { c.Extensions = append(c.Extensions, meter{}) }

// Costs returns the cost that a Metered node reported.
func (r *Response) Costs(t testing.TB) Cost {
	t.Helper()
	if r.Extensions.Cost == nil {
		t.Fatalf("no cost came with %s", r.Body)
	}
	return *r.Extensions.Cost
}

type meter struct{}

var (
	_ graphql.HandlerExtension     = meter{}
	_ graphql.OperationInterceptor = meter{}
)

func (meter) ExtensionName() string                          { return "Meter" }
func (meter) Validate(schema graphql.ExecutableSchema) error { return nil }

func (meter) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := reqstats.From(ctx)
	session, trips := operation.Statements(), operation.RoundTrips()
	handle := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		resp := handle(ctx)
		if resp == nil {
			return nil
		}
		cost := Cost{SQL: operation.Statements() - session, Redis: operation.RoundTrips() - trips, Waits: operation.Waits()}
		if event := reqstats.From(ctx); event != operation {
			cost = Cost{SQL: event.Statements(), Before: cost.SQL, Redis: event.RoundTrips(), Waits: event.Waits()}
		}
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		resp.Extensions["cost"] = cost
		return resp
	}
}
