package server

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/caller"
	"roost/internal/errs"
	"roost/server/guard"
)

// Charge lets the caller of an operation pay for it, and refuses the operation if the caller cannot. It is called once for each operation
// of every transport, before the operation runs and after everything that needs only the document and the variables.
func (o *operations) Charge(ctx context.Context, op *graphql.OperationContext) *errs.Error {
	who, cost := caller.From(ctx), guard.CostOf(op)
	if o.budgets == nil {
		who.Budget = caller.Budget{Cost: cost, ResetAt: time.Now()}
	} else if err := o.budgets.Charge(ctx, who, cost); err != nil {
		return err
	}
	o.persisted.Keep(ctx, op)
	return nil
}

// isSpent reports whether the caller can pay for nothing.
func (o *operations) isSpent(ctx context.Context) bool {
	return o.budgets != nil && o.budgets.IsSpent(caller.From(ctx))
}

// refuseSpent returns why nothing is done for a caller who can pay for nothing.
func (o *operations) refuseSpent(ctx context.Context) *errs.Error {
	if o.budgets == nil {
		return nil
	}
	return o.budgets.Refuse(caller.From(ctx))
}

// rateLimitHeaders are the values of the headers of one answer.
type rateLimitHeaders struct{ limit, remaining, reset [1]string }

// write adds what the caller may spend to the headers of an answer. All values are parts of one string.
func (v *rateLimitHeaders) write(b *caller.Budget, h http.Header) {
	if b.Limit == 0 {
		return
	}
	var digits [3 * len("2147483647")]byte
	text := strconv.AppendInt(digits[:0], int64(b.Limit), 10)
	limit := len(text)
	text = strconv.AppendInt(text, int64(b.Remaining), 10)
	remaining := len(text)
	all := string(strconv.AppendInt(text, seconds(b.Reset), 10))
	v.limit[0], v.remaining[0], v.reset[0] = all[:limit], all[limit:remaining], all[remaining:]
	h["Ratelimit-Limit"], h["Ratelimit-Remaining"], h["Ratelimit-Reset"] = v.limit[:], v.remaining[:], v.reset[:]
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
