package graph

import (
	"context"
	"errors"
	"fmt"
	"io"

	"roost/graph/generated"
	"roost/internal/pullstream"
)

type subscriptions struct{ *Resolver }

// Subscription resolves live updates. Each runs in the goroutine of its sender; see package pullstream.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptions{r} }

// stream returns the channel of a subscription. An error of the source ends the subscription, and the client gets the error.
func stream[T any](ctx context.Context, name string, source pullstream.Source[T]) <-chan T {
	next := source.Next
	source.Next = func(ctx context.Context) (T, error) {
		event, err := next(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			err = Present(ctx, fmt.Errorf("%s: %w", name, err))
		}
		return event, err
	}
	return pullstream.Events(ctx, source)
}
