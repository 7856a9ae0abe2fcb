package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestRevision(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`{"data":{"reactions":{"likeCount":3,"revision":1234}}}`: 1234,
		`{"revision":7`: 7, `{"revision":null}`: 0, `{"likeCount":3}`: 0, ``: 0,
	} {
		if got := Revision([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// crowd is one whose sockets each get the texts.
func crowd(t *testing.T, sockets int, texts ...string) *Crowd {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		for _, text := range texts {
			if conn.WriteMessage(websocket.TextMessage, []byte(text)) != nil {
				return
			}
		}
		_, _, _ = conn.NextReader() // until the client leaves
	}))
	t.Cleanup(s.Close)
	c, err := Gather(t.Context(), sockets, NumberAfter("n="), func(ctx context.Context, _ int) (*websocket.Conn, error) {
		conn, res, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(s.URL, "http"), nil)
		if err == nil {
			err = res.Body.Close()
		}
		return conn, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDeliveriesAreCounted(t *testing.T) {
	t.Parallel()
	const sockets = 20
	// Pushes 4 and 5 are asked about; push 9 marks that everything has come.
	for name, c := range map[string]struct {
		texts                    string
		came                     int64
		earlier, repeats, others int64
		exact                    bool
	}{
		"exact":        {"n=4 n=5 n=9", 2, 1, 0, 0, true},
		"after others": {"n=2 n=3 n=4 n=5 n=9", 2, 3, 0, 0, true},
		"missing":      {"n=5 n=9", 1, 1, 0, 0, false},
		"twice":        {"n=4 n=4 n=5 n=9", 2, 1, 1, 0, false},
		"out of order": {"n=5 n=4 n=9", 1, 1, 1, 0, false},
		"odd":          {"n=4 reset n=5 n=9", 2, 1, 0, 1, false},
	} {
		crowd := crowd(t, sockets, strings.Fields(c.texts)...)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := crowd.Await(ctx, 9); err != nil {
			t.Fatal(name, err)
		}
		began := time.Now()
		d, err := crowd.Close(map[int64]time.Time{4: began, 5: began})
		if err != nil {
			t.Fatal(name, err)
		}
		got := fmt.Sprint(d.Expected, d.Latency.Count(), d.Earlier, d.Repeats, d.Others, d.Exact() == nil)
		want := fmt.Sprint(2*sockets, c.came*sockets, c.earlier*sockets, c.repeats*sockets, c.others*sockets, c.exact)
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if d.Silent() == nil {
			t.Errorf("%s: counts as silence", name)
		}
	}
	if d, err := crowd(t, sockets).Close(nil); err != nil || d.Silent() != nil || d.Exact() != nil {
		t.Errorf("silence is %+v, %v", d, err)
	}
}
