package cache

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A pipeline whose answers exceed every buffer is answered, though the client reads only after it has sent all of it.
func TestLongPipelines(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		const commands, size = 80, 100_000 // 8 MB of answers; many small ones take a busy machine longer than a call may take
		r := openFor(t, url, patience)
		value := strings.Repeat("x", size)
		err := r.call(t.Context(), "k", func(ctx context.Context, c *redis.Client) error {
			if err := c.Set(ctx, "k", value, 0).Err(); err != nil {
				return err
			}
			p := c.Pipeline()
			for range commands {
				p.Get(ctx, "k")
			}
			all, err := p.Exec(ctx)
			for _, cmd := range all {
				if got, _ := cmd.(*redis.StringCmd); got.Val() != value {
					t.Fatalf("an answer of %d bytes", len(got.Val()))
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Answers are buffered in order up to a bound, and the writer never blocks. Beyond the bound the connection is closed,
// which the reader notices.
func TestAnswersWait(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	a := newAnswers(theirs)
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	for chunk := range bytes.SplitSeq(want, []byte("5")) {
		if _, err := a.Write(append(chunk, '5')); err != nil {
			t.Fatal(err)
		}
	}
	want = append(want, '5')
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		m, err := ours.Read(got[n:min(n+999, len(got))])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if !bytes.Equal(got, want) {
		t.Error("the answers came in another order")
	}
	if err := ours.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := ours.Read(got); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a read with nothing to come: %v", err)
	}
	big := make([]byte, 1<<20)
	var err error
	for written := 0; err == nil && written <= 2*maxAnswers; written += len(big) {
		_, err = a.Write(big)
	}
	if !errors.Is(err, errAnswersUnread) {
		t.Errorf("what nobody reads: %v", err)
	}
	_ = ours.SetReadDeadline(time.Now().Add(patience)) // fails when the end is known already
	for err = nil; err == nil; {
		_, err = ours.Read(big)
	}
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the reader does not notice the end")
	}
}
