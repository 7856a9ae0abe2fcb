package costs

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// askAndLeave sends a query again and again over connections of its own, from one address, and reads no answer.
func askAndLeave(t *testing.T, addr, key, query string, conns int) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	request := fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", addr, len(body))
	if key != "" {
		request += "Authorization: Bearer " + key + "\r\n"
	}
	request += "\r\n" + string(body)
	for range conns {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		if err := c.SetWriteDeadline(time.Now().Add(apitest.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(strings.Repeat(request, 3))); err != nil {
			t.Fatal(err)
		}
	}
}

// Hundreds of clients that ask for the largest answers and never read them do not fill the node's memory, and nobody
// else waits for them.
func TestClientsThatNeverRead(t *testing.T) {
	const each, mostMemory, mostWait = 100, 400 << 20, 100 * time.Millisecond
	p := rig.NewProcess(t, apitest.Server)
	admin := p.WithAdmin(t)
	p.Start(t, rig.Plain.Build(t))
	ada := p.SignUp(t, "ada")
	for i := range 100 {
		ada.Tweet(t, fmt.Sprintf("%d %s", i, strings.Repeat("語", 270)))
	}
	// The answers are just within what each caller may have.
	page := func(texts int) string {
		return fmt.Sprintf(`{user(username:%q){timeline(first:100){nodes{%s}}}}`, ada.Name, rig.Numbered(texts, "t%d:text "))
	}
	for caller, texts := range map[*apitest.Client]int{p.Anonymous(): 12, ada.Client: 48} {
		if res := caller.Run(t, page(texts), nil); len(res.Errors) > 0 || len(res.Body) < texts*80_000 {
			t.Fatalf("%d bytes: %.200s", len(res.Body), res.Body)
		}
		if res := caller.Run(t, page(texts*5/4), nil); len(res.Errors) != 1 || res.Errors[0].Code() != "RESPONSE_TOO_LARGE" || res.Data != nil {
			t.Fatalf("%d bytes: %.200s", len(res.Body), res.Body)
		}
	}
	before := smallAnswers(t, p.Anonymous())
	addr := strings.TrimPrefix(p.URL, "http://")
	askAndLeave(t, addr, "", page(12), each)
	askAndLeave(t, addr, ada.Key, page(48), each)
	apitest.Until(t, "answers to be held and others to be cut off", func() bool {
		held, err := rig.Metric(t.Context(), admin, "roost_unread_bytes")
		if err != nil {
			t.Fatal(err)
		}
		cut, err := rig.Metric(t.Context(), admin, "roost_answers_cut_total")
		if err != nil {
			t.Fatal(err)
		}
		return held > 32<<20 && cut > each
	})
	after := smallAnswers(t, p.Anonymous())
	memory := p.Memory(t, "VmHWM")
	t.Logf("%d MiB at most; %v before, %v beside %d clients that do not read", memory>>20, before, after, 2*each)
	if memory > mostMemory {
		t.Errorf("the node had %d MiB", memory>>20)
	}
	if most := testtime.Soak(max(mostWait, 5*before.median), mostWait); after.median > most || testtime.Soaking() && after.p99 > most {
		t.Errorf("others wait %v, without those clients %v", after, before)
	}
}

// waits are how long a client waits for answers. On a busy machine the 99th percentile is that of the machine.
type waits struct{ median, p99 time.Duration }

func (w waits) String() string { return fmt.Sprintf("%v (p99 %v)", w.median, w.p99) }

// smallAnswers measures how long a client waits for small answers.
func smallAnswers(t *testing.T, c *apitest.Client) waits {
	t.Helper()
	took := make([]time.Duration, 300)
	for i := range took {
		began := time.Now()
		c.Must(t, `{limits{pageSize}}`, nil)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return waits{median: took[len(took)/2], p99: took[len(took)*99/100]}
}

// A node bounds its memory by what the machine or its container has, unless a bound is set.
func TestTheMemoryLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  []string
		good func(bytes float64) bool
	}{
		{nil, func(bytes float64) bool { return bytes > 1<<20 && bytes < 1<<50 }},
		{[]string{"GOMEMLIMIT=777MiB"}, func(bytes float64) bool { return bytes == 777<<20 }},
	} {
		p := rig.NewProcess(t, apitest.Embedded)
		admin := p.WithAdmin(t)
		p.Start(t, rig.Plain.Build(t), c.env...)
		if got, err := rig.Metric(t.Context(), admin, "go_gc_gomemlimit_bytes"); err != nil || !c.good(got) {
			t.Errorf("with %v it is %g bytes: %v", c.env, got, err)
		}
	}
}
