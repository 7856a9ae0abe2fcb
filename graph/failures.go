package graph

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// maxCauses is how many different causes the log line of a request names.
const maxCauses = 5

// FailureLog is the extension that logs failed fields. It writes one line for each request, or event of a subscription, in which
// fields failed through a fault of the server. The line has the number of these fields, the first of them, and the causes.
type FailureLog struct{}

var (
	_ graphql.HandlerExtension    = FailureLog{}
	_ graphql.ResponseInterceptor = FailureLog{}
)

// ExtensionName is part of graphql.HandlerExtension.
func (FailureLog) ExtensionName() string { return "FailureLog" }

// Validate is called when the extension is installed.
func (FailureLog) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptResponse is called for each query, mutation and event.
func (FailureLog) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	f := &failures{}
	defer f.log(ctx)
	return next(context.WithValue(ctx, failuresKey{}, f))
}

type failuresKey struct{}

// failures are the failed fields of one response. It is safe for concurrent use.
type failures struct {
	mu     sync.Mutex
	count  int
	first  failure
	causes []string // different ones, at most maxCauses
}

// failure is a field that failed.
type failure struct {
	path  string
	code  any
	cause string
	stack string // of a panic
}

// failed adds a failed field to the line about its response. Outside of a response it writes a line of its own.
func failed(ctx context.Context, f failure) {
	if all, ok := ctx.Value(failuresKey{}).(*failures); ok {
		all.add(f)
		return
	}
	one := &failures{}
	one.add(f)
	one.log(ctx)
}

func (f *failures) add(one failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; f.count == 1 || f.first.stack == "" && one.stack != "" { // a panic says more
		f.first = one
	}
	if len(f.causes) < maxCauses && !slices.Contains(f.causes, one.cause) {
		f.causes = append(f.causes, one.cause)
	}
}

func (f *failures) log(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 {
		return
	}
	args := []any{"path", f.first.path, "code", f.first.code}
	if f.count > 1 {
		args = append(args, "failed", f.count)
	}
	if f.first.stack != "" {
		args = append(args, "stack", f.first.stack)
	}
	if len(f.causes) == 1 {
		args = append(args, "error", f.causes[0])
	} else {
		args = append(args, "error", f.first.cause, "errors", f.causes)
	}
	slog.ErrorContext(ctx, "a field failed", args...)
}
