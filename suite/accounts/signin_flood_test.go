package accounts

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/domain/accounts"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// from returns a client that connects from an address of this machine.
func from(r *apitest.Roost, address string) *apitest.Client {
	c := r.Anonymous()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	c.HTTP = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 4}}
	return c
}

// loginFlood sends attempts to sign in over its own connections, each as soon as the previous one is answered. It runs in
// a process of its own, so that Share bounds what it takes from the others.
type loginFlood struct {
	URL, Address string
	Conns        int
	// Victim is the account of half of the attempts; the others are at accounts that do not exist.
	Victim string
	// Share is how much of a core the process may use.
	Share float64

	pacing   sync.Mutex
	began    time.Time
	used     time.Duration // of the processors, when it began
	answered atomic.Int64
}

// floodEnv has the test binary run the flood that it contains, as JSON, until its input ends.
const floodEnv = "ROOST_TEST_LOGIN_FLOOD"

func TestMain(m *testing.M) {
	if text := os.Getenv(floodEnv); text != "" {
		f := &loginFlood{}
		if err := errors.Join(json.Unmarshal([]byte(text), f), f.run(os.Stdin)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(f.answered.Load())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start runs the flood until stop is called or the test ends; stop returns how many answers it got.
func (f *loginFlood) start(t testing.TB) (stop func() string) {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), floodEnv+"="+string(text))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() string {
		_ = input.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the flood: %v: %s", err, out.String())
		}
		return strings.TrimSpace(out.String())
	})
	t.Cleanup(func() { stop() })
	return stop
}

// run floods until its input ends.
func (f *loginFlood) run(input io.Reader) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	host := strings.TrimPrefix(f.URL, "http://")
	f.began, f.used = time.Now(), ownProcessorTime()
	var all sync.WaitGroup
	for range f.Conns {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(f.Address)}}
		conn, err := dialer.DialContext(ctx, "tcp", host)
		if err != nil {
			return err
		}
		all.Go(func() {
			defer func() { _ = conn.Close() }()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			f.attempts(ctx, conn, host)
		})
	}
	_, err := io.Copy(io.Discard, input)
	cancel()
	all.Wait()
	return err
}

// attempts sends attempts over one connection until it ends.
func (f *loginFlood) attempts(ctx context.Context, conn net.Conn, host string) {
	in := bufio.NewReader(conn)
	for n := 0; ctx.Err() == nil; n++ {
		f.pace(ctx)
		login := f.Victim
		if n%2 == 1 {
			login = fmt.Sprintf("nobody_%x", rand.Int64())
		}
		body, _ := json.Marshal(map[string]any{"query": rig.Mutations["logIn"], "variables": wrongLogIn(login)})
		_, err := fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			host, len(body), body)
		if err != nil {
			return
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return
		}
		f.answered.Add(1)
	}
}

// pace waits until the process is within its share. One connection waits at a time: hundreds that wake at once would use the
// share up by waking.
func (f *loginFlood) pace(ctx context.Context) {
	f.pacing.Lock()
	defer f.pacing.Unlock()
	for ctx.Err() == nil {
		ahead := time.Duration(float64(ownProcessorTime()-f.used)/f.Share) - time.Since(f.began)
		if ahead <= 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(ahead):
		}
	}
}

// ownProcessorTime is the processor time that this process has used.
func ownProcessorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it has no error that could occur here
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// While hundreds of connections from one address flood sign-in, attempts from other addresses are answered within two
// seconds and after a few hashes, and reads hardly slow down. The short form has no limits, so that hashing never ends, and
// wide margins for time.
func TestSignInUnderAFlood(t *testing.T) {
	t.Parallel()
	var args []string
	if limits := accounts.DefaultLimits(); testtime.Soak(false, true) {
		args = []string{fmt.Sprint("--sign-in-per-account=", limits.PerAccount), fmt.Sprint("--sign-in-per-address=", limits.PerAddress)}
	}
	p := rig.NewProcess(t, apitest.Server, args...)
	admin := p.WithAdmin(t)
	p.Start(t, rig.Plain.Build(t))
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
	f := &loginFlood{URL: p.URL, Address: "127.0.0.1", Conns: testtime.Soak(100, 300), Victim: victim.Name, Share: 0.5}
	stop := f.start(t)
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
	failed, hashed := 0, []float64(nil)
	for range 20 {
		before, began := sample(t, admin, hashes), time.Now()
		res, err := from(p.Roost, "127.0.0.2").Do(t.Context(), rig.Mutations["logIn"], apitest.Vars{"i": apitest.Vars{
			"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN"}})
		took, hashed = append(took, time.Since(began)), append(hashed, sample(t, admin, hashes)-before)
		if err != nil || res.String("x.token") == "" {
			failed++
		}
	}
	enough()
	all.Wait()
	slices.Sort(hashed)
	most := testtime.Soak(hashed[len(hashed)/2], hashed[len(hashed)-1]) // on a busy machine it takes longer to read the figures
	t.Logf("home: idle p50 %s p95 %s; in the flood p50 %s p95 %s of %d; sign-in: p50 %s, at most %s and %v hashes; the flood got %s answers",
		rig.Percentile(idle, 50), rig.Percentile(idle, 95), rig.Percentile(busy, 50), rig.Percentile(busy, 95), len(busy),
		rig.Percentile(took, 50), rig.Percentile(took, 100), most, stop())
	if failed > 0 || rig.Percentile(took, 100) > testtime.Soak(20*time.Second, 2*time.Second) {
		t.Errorf("%d of 20 sign-ins failed, the slowest took %s", failed, rig.Percentile(took, 100))
	}
	// Four with its own, as in TestFairQueueIsFair, and as many again that run while the figures are read.
	if most > 8 {
		t.Errorf("a sign-in was answered after %v hashes", most)
	}
	if was, is := rig.Percentile(idle, 95), rig.Percentile(busy, 95); is >= testtime.Soak[time.Duration](50, 5)*was {
		t.Errorf("the 95th percentile of home was %s and is %s", was, is)
	}
}

// sample reads one metric of a node.
func sample(t *testing.T, admin, name string) float64 {
	t.Helper()
	n, err := rig.Metric(t.Context(), admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
