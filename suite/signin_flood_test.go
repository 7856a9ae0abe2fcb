package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/domain/accounts"
	"roost/internal/apitest"
)

// from returns a client that connects from an address of this machine.
func from(r *apitest.Roost, address string) *apitest.Client {
	c := r.Anonymous()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	c.HTTP = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 4}}
	return c
}

// loginFlood sends attempts to sign in over its own connections, each as soon as the previous one is answered.
type loginFlood struct {
	answered atomic.Int64
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// floodFrom opens connections from an address and floods until stop is called or the test ends. Half of the attempts are at
// the victim, the others at accounts that do not exist. share bounds what the test's process uses of a core meanwhile.
func floodFrom(t testing.TB, r *apitest.Roost, address string, conns int, victim string, share float64) *loginFlood {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &loginFlood{stop: cancel}
	t.Cleanup(func() {
		cancel()
		f.done.Wait()
	})
	began, used := time.Now(), ownProcessorTime(t)
	behind := func() time.Duration {
		return time.Duration(float64(ownProcessorTime(t)-used)/share) - time.Since(began)
	}
	host := strings.TrimPrefix(r.URL, "http://")
	for i := range conns {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		conn, err := dialer.DialContext(ctx, "tcp", host)
		if err != nil {
			t.Fatalf("connection %d of the flood: %v", i, err)
		}
		f.done.Go(func() {
			defer func() { _ = conn.Close() }()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			f.run(ctx, conn, host, func(n int) string {
				if n%2 == 0 {
					return victim
				}
				return fmt.Sprintf("nobody_%x", rand.Int64())
			}, behind)
		})
	}
	return f
}

func (f *loginFlood) run(ctx context.Context, conn net.Conn, host string, login func(n int) string, behind func() time.Duration) {
	in := bufio.NewReader(conn)
	for n := 0; ctx.Err() == nil; n++ {
		if wait := behind(); wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait): // to stay within share
			}
			continue
		}
		body, _ := json.Marshal(map[string]any{"query": refusing["logIn"], "variables": apitest.Vars{"i": apitest.Vars{
			"login": login(n), "password": "wrong horse", "tokenDelivery": "TOKEN"}}})
		_, err := fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			host, len(body), body)
		if err != nil {
			return
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err != nil {
			return
		}
		f.answered.Add(1)
	}
}

// ownProcessorTime is the processor time that this process has used.
func ownProcessorTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Error(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// While hundreds of connections from one address flood sign-in, attempts from other addresses are answered within two
// seconds and after a few hashes, and reads hardly slow down. The short form has no limits, so that hashing never ends, and
// wide margins for time.
func TestSignInUnderAFlood(t *testing.T) {
	t.Parallel()
	var args []string
	if limits := accounts.DefaultLimits(); soak(false, true) {
		args = []string{fmt.Sprint("--sign-in-per-account=", limits.PerAccount), fmt.Sprint("--sign-in-per-address=", limits.PerAddress)}
	}
	p := newProcess(t, apitest.Server, args...)
	admin := p.withAdmin(t)
	p.start(t, plain.build(t))
	u, victim := p.SignUp(t, "honest"), p.SignUp(t, "victim")
	reader := from(p.Roost, "127.0.0.3")
	reader.Key = u.Key
	read := func() time.Duration {
		began := time.Now()
		reader.Must(t, `{ viewer { homeTimeline { nodes { id } } } }`, nil)
		return time.Since(began)
	}
	var idle []time.Duration
	for range 500 {
		idle = append(idle, read())
	}
	f := floodFrom(t, p.Roost, "127.0.0.1", soak(100, 300), victim.Name, 0.5)
	apitest.Until(t, "the line of the flood to be long", func() bool { return sample(t, admin, "roost_sign_in_waiting") > 20 })

	var busy, took []time.Duration
	reading, enough := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for reading.Err() == nil {
			busy = append(busy, read())
		}
	})
	const hashes = "roost_password_hashes_total"
	failed, most := 0, 0.0
	for range 20 {
		before, began := sample(t, admin, hashes), time.Now()
		res, err := from(p.Roost, "127.0.0.2").Do(t.Context(), refusing["logIn"], apitest.Vars{"i": apitest.Vars{
			"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN"}})
		took, most = append(took, time.Since(began)), max(most, sample(t, admin, hashes)-before)
		if err != nil || res.String("x.token") == "" {
			failed++
		}
	}
	enough()
	all.Wait()
	f.stop()
	t.Logf("home: idle p50 %s p95 %s; in the flood p50 %s p95 %s of %d; sign-in: p50 %s, at most %s and %v hashes; the flood got %d answers",
		percentile(idle, 50), percentile(idle, 95), percentile(busy, 50), percentile(busy, 95), len(busy),
		percentile(took, 50), percentile(took, 100), most, f.answered.Load())
	if failed > 0 || percentile(took, 100) > soak(20*time.Second, 2*time.Second) {
		t.Errorf("%d of 20 sign-ins failed, the slowest took %s", failed, percentile(took, 100))
	}
	// Four with its own, as in TestFairQueueIsFair, and as many again that run while the figures are read.
	if most > 8 {
		t.Errorf("a sign-in was answered after %v hashes", most)
	}
	if was, is := percentile(idle, 95), percentile(busy, 95); is >= soak[time.Duration](50, 5)*was {
		t.Errorf("the 95th percentile of home was %s and is %s", was, is)
	}
}

// sample reads one metric of a node.
func sample(t *testing.T, admin, name string) float64 {
	t.Helper()
	n, err := metric(t.Context(), admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
