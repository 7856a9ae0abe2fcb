// Package streams lets the source of a subscription's events say why it ends: a channel can only be closed.
package streams

import (
	"context"
	"sync/atomic"
)

type key struct{}

// failure holds the first error of a stream.
type failure struct{ err atomic.Pointer[error] }

// With makes a context for one stream, and a function that gives the error with which it failed, nil for a
// good end. It is to be asked once the stream has ended.
func With(ctx context.Context) (context.Context, func() error) {
	f := &failure{}
	return context.WithValue(ctx, key{}, f), func() error {
		if err := f.err.Load(); err != nil {
			return *err
		}
		return nil
	}
}

// Fail notes why the stream of the context ends, before its channel is closed. The first error counts;
// outside of a stream nothing happens.
func Fail(ctx context.Context, err error) {
	if f, ok := ctx.Value(key{}).(*failure); ok {
		f.err.CompareAndSwap(nil, &err)
	}
}
