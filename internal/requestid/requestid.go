// Package requestid carries the id of a request from the server into the lines of the log.
package requestid

import (
	"context"
	"log/slog"
	"math/rand/v2"
)

// Key is the key of the id among the values of a context.
type Key struct{}

// New returns an id that no other request has: 16 characters of base32.
func New() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var id [16]byte
	a, b := rand.Uint64(), rand.Uint64() // unpredictable: the runtime's ChaCha8
	for i := range id[:8] {
		id[i], id[i+8] = alphabet[a%32], alphabet[b%32]
		a, b = a>>5, b>>5
	}
	return string(id[:])
}

// With returns a context that carries the id, see [From].
func With(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, Key{}, id)
}

// From returns the id of the request, empty outside of one.
func From(ctx context.Context) string {
	id, _ := ctx.Value(Key{}).(string)
	return id
}

// Handler adds the id as the attribute `request` to every line that is logged with a request's context. On a socket the id is
// that of the request which opened the socket.
func Handler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

// Handle adds the id.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := From(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs and WithGroup keep adding the id.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup is like WithAttrs.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
