package streams_test

import (
	"context"
	"errors"
	"testing"

	"roost/internal/streams"
)

func TestFirstErrorCounts(t *testing.T) {
	t.Parallel()
	ctx, failed := streams.With(t.Context())
	if err := failed(); err != nil {
		t.Errorf("before: %v", err)
	}
	below, cancel := context.WithCancel(ctx)
	defer cancel()
	first := errors.New("first")
	streams.Fail(below, first)
	streams.Fail(ctx, errors.New("second"))
	if err := failed(); err != first {
		t.Errorf("got %v", err)
	}
	streams.Fail(t.Context(), first) // nobody asks
}
