package guard

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// answer bounds the data of one answer, or of one event of a subscription. It belongs to the goroutine that writes
// the answer.
type answer struct {
	left     int // bytes
	tooLarge bool
}

type answerKey struct{}

// InterceptResponse replaces an answer that is too large by an error. No part of the data is sent.
func (g *Guard) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	most := g.limits.MostBytes(ctx)
	a := &answer{left: most}
	resp := next(context.WithValue(ctx, answerKey{}, a))
	if resp == nil || !a.tooLarge && len(resp.Data) <= most {
		return resp
	}
	return &graphql.Response{Errors: gqlerror.List{refusal(errs.NewTooLarge(most))}}
}

// MostBytes returns how many bytes of data an answer to the caller may have.
func (l Limits) MostBytes(ctx context.Context) int {
	return byCaller(ctx, l.AnswerBytes, l.AnonymousAnswerBytes)
}

// InterceptRootField stops writing a root field where the answer becomes too large, so that the process never holds
// more than that. gqlgen does not call it for events of subscriptions, which it writes whole; the limit on the cost of
// an operation bounds their size.
func (g *Guard) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	m := next(ctx)
	a, ok := ctx.Value(answerKey{}).(*answer)
	if !ok || m == graphql.Null || m == graphql.RequiredNull { // gqlgen compares the addresses of these two
		return m
	}
	return boundedField{m, a}
}

// boundedField is the value of a root field. It is written until the answer is too large.
type boundedField struct {
	graphql.Marshaler
	answer *answer
}

// outOfRoom is the value with which a boundedWriter panics. Only a panic ends the writing of a tree of values early.
type outOfRoom struct{}

// MarshalGQL writes the field. If it stops early, InterceptResponse discards the part that was written.
func (f boundedField) MarshalGQL(w io.Writer) {
	if f.answer.tooLarge {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			if _, full := p.(outOfRoom); !full {
				panic(p)
			}
			f.answer.tooLarge = true
		}
	}()
	f.Marshaler.MarshalGQL(boundedWriter{w, f.answer})
}

type boundedWriter struct {
	io.Writer
	answer *answer
}

// Write counts the bytes, and panics with outOfRoom when there are too many.
func (w boundedWriter) Write(p []byte) (int, error) {
	w.take(len(p))
	return w.Writer.Write(p)
}

// WriteString is Write without a copy.
func (w boundedWriter) WriteString(s string) (int, error) {
	w.take(len(s))
	return io.WriteString(w.Writer, s)
}

func (w boundedWriter) take(n int) {
	if w.answer.left -= n; w.answer.left < 0 {
		panic(outOfRoom{})
	}
}
