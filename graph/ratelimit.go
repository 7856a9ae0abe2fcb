package graph

import (
	"context"
	"math"

	"roost/graph/model"
	"roost/graph/plan"
	"roost/internal/caller"
)

// IsFree reports whether asking for a field costs nothing.
func IsFree(object, field string) bool { return object == "Query" && field == "rateLimit" }

func (queries) RateLimit(ctx context.Context) (*model.RateLimit, error) {
	return rateLimitOf(caller.From(ctx)), nil
}

// rateLimitOf is what a caller may spend. Without a limit it is the largest number.
func rateLimitOf(who *caller.Caller) *model.RateLimit {
	b := who.Budget
	if b.Limit == 0 {
		b.Limit, b.Remaining = math.MaxInt32, math.MaxInt32
	}
	return &model.RateLimit{Cost: int32(b.Cost), Limit: int32(b.Limit), Remaining: int32(b.Remaining), ResetAt: b.ResetAt}
}

func rateLimitTable() *plan.Type[root] {
	number := func(of func(l *model.RateLimit) int32) plan.Field[root] {
		return plan.Key(func(r *plan.Run, b []byte, _ root) []byte { return plan.AppendInt(b, of(rateLimitOf(envOf(r).who))) })
	}
	return &plan.Type[root]{Name: "RateLimit", Is: []string{"RateLimit"}, Fields: map[string]plan.Field[root]{
		"cost":      number(func(l *model.RateLimit) int32 { return l.Cost }),
		"limit":     number(func(l *model.RateLimit) int32 { return l.Limit }),
		"remaining": number(func(l *model.RateLimit) int32 { return l.Remaining }),
		"resetAt": plan.Key(func(r *plan.Run, b []byte, _ root) []byte {
			return plan.AppendTime(b, rateLimitOf(envOf(r).who).ResetAt)
		}),
	}}
}
