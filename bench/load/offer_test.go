package load

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Every request of an Offer ends in one of four ways, and its event holds which.
func TestOfferCountsEndings(t *testing.T) {
	t.Parallel()
	answers := []struct {
		status int
		body   string
		ending Ending
	}{
		{http.StatusOK, `{"data":{"a":1}}`, Good},
		{http.StatusServiceUnavailable, "busy", Refused},
		{http.StatusOK, `{"data":null,"errors":[{"extensions":{"code":"UNAVAILABLE"}}]}`, Refused},
		{http.StatusOK, `{"data":null,"errors":[{"extensions":{"code":"INTERNAL"}}]}`, Broken},
		{http.StatusOK, `{"data":{"a":"\"UNAVAILABLE\""}}`, Good},
	}
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		a := answers[int(asked.Add(1)-1)%len(answers)]
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	defer s.Close()
	traffic := Traffic{Good: []byte(`{"data":{`), Source: func(int, int) Source {
		return func(buf []byte) []byte { return append(buf, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"...) }
	}}
	o := Offer{Addr: strings.TrimPrefix(s.URL, "http://"), Traffic: traffic, Rate: 500, Duration: 100 * time.Millisecond,
		Deadline: Patience, Conns: 50, Events: true}
	out, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out.Good != 20 || out.Refused != 20 || out.Broken != 10 || out.Late != 0 || out.Unsent != 0 {
		t.Errorf("%d good, %d refused, %d broken, %d late, %d unsent", out.Good, out.Refused, out.Broken, out.Late, out.Unsent)
	}
	counts := map[Ending]int{}
	for _, e := range out.Events {
		counts[e.Ending]++
		if e.Took <= 0 || e.Due.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	if counts[Good] != 20 || counts[Refused] != 20 || counts[Broken] != 10 {
		t.Errorf("the events ended as %v", counts)
	}
}
