//go:build proxies

package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testproc"
)

// proxied is a proxy of docs/proxies, and how it is run.
type proxied struct {
	file string
	bin  string
	args func(config string) []string
	// loses is how many requests may be lost at each restart: a proxy that does not ask /readyz connects to a node until
	// it is refused, and the kernel resets what connects in the very moment in which the listener closes.
	loses int64
}

var proxies = []proxied{
	{"nginx.conf", "nginx", func(config string) []string { return []string{"-c", config, "-g", "daemon off;"} }, 1},
	{"haproxy.cfg", "haproxy", func(config string) []string { return []string{"-db", "-f", config} }, 0},
	{"Caddyfile", "caddy", func(config string) []string { return []string{"run", "--adapter", "caddyfile", "--config", config} }, 0},
}

// Behind each proxy of docs/proxies, as it is there, no request is lost while nodes restart one after the other, with the
// drain delay that nodes have by default, and websockets are asked to come back.
func TestProxiesLoseNothingWhileNodesRestart(t *testing.T) {
	bin := rig.Plain.Build(t)
	for _, p := range proxies {
		t.Run(p.bin, func(t *testing.T) {
			t.Parallel()
			one := rig.NewProcess(t, apitest.Server)
			two := rig.ProcessOn(t, one.Config)
			for _, node := range []*rig.Process{one, two} {
				port, err := testproc.FreePort()
				if err != nil {
					t.Fatal(err)
				}
				node.Admin = fmt.Sprintf("127.0.0.1:%d", port)
				node.Args = append(node.Args, "--trusted-proxies=127.0.0.1", "--admin-addr="+node.Admin)
				node.Start(t, bin)
			}
			site := &apitest.Roost{Mode: apitest.Server, URL: p.start(t, one.URL, two.URL)}
			u := site.SignUp(t, "ada")
			tweet := u.Tweet(t, "hello")
			socket := u.Dial(t)
			rig.WatchCounts(t, socket, tweet)

			l := &proxyLoad{user: u}
			stop := l.start(16)
			for range 2 {
				for _, node := range []*rig.Process{one, two} {
					l.more(t, 200)
					node.End(t, syscall.SIGTERM)
					node.Start(t, bin)
					// The next node must not go before the proxy has noticed that this one is back.
					apitest.Until(t, "requests come to the node again", func() bool {
						n, err := rig.Metric(t.Context(), node.Admin, `roost_http_requests_total{code="200"}`)
						return err == nil && n > 20
					})
				}
			}
			l.more(t, 200)
			stop()
			if code := socket.Closed(t); code != 1012 {
				t.Errorf("the socket was closed with %d", code)
			}
			t.Logf("%s: %d requests while nodes restarted 4 times, %d failed", p.bin, l.done.Load(), l.failed.Load())
			if l.failed.Load() > 4*p.loses {
				t.Errorf("%d of %d requests failed, the first: %v", l.failed.Load(), l.done.Load(), l.first)
			}
			if l.slow.Load() > l.done.Load()/100 {
				t.Errorf("%d of %d requests took over 2 s", l.slow.Load(), l.done.Load())
			}
		})
	}
}

// start runs the proxy in front of two nodes, and returns its URL.
func (p proxied) start(t *testing.T, one, two string) string {
	t.Helper()
	bin, err := exec.LookPath(p.bin)
	if err != nil {
		bin = filepath.Join("/usr/sbin", p.bin) // where Debian has servers, which is not in everybody's PATH
	}
	home, err := testproc.NewHome("proxy", "TERM")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = home.Remove() })
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(rig.Repository(t), "docs", "proxies", p.file))
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	config := strings.NewReplacer("api1:8080", strings.TrimPrefix(one, "http://"), "api2:8080", strings.TrimPrefix(two, "http://"),
		"listen 8080;", "listen "+addr+";", "bind *:8080", "bind "+addr, ":8080 {", "http://"+addr+" {", "/tmp/nginx", home.Join("nginx")).
		Replace(string(text))
	if err := os.WriteFile(home.Join(p.file), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	proc, err := home.Start(testproc.Spec{Path: bin, Args: p.args(home.Join(p.file)), Log: "proxy.log"})
	if err != nil {
		t.Fatalf("%v (%s is needed)", err, p.bin)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said\n%s", p.bin, proc.LogTail())
		}
	})
	err = proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + addr
}

// proxyLoad are clients that read and, every fifth time, write.
type proxyLoad struct {
	user               *apitest.User
	done, failed, slow atomic.Int64
	mu                 sync.Mutex
	first              error
}

func (l *proxyLoad) start(clients int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			c := l.user.Client
			own := &apitest.Client{URL: c.URL, Key: c.Key, HTTP: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
			for i := 0; ctx.Err() == nil; i++ {
				l.one(own, i)
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

func (l *proxyLoad) one(c *apitest.Client, i int) {
	query := `{ viewer { homeTimeline(first: 5) { nodes { text author { username } } } } }`
	if i%5 == 0 {
		query = `mutation { createTweet(input: {text: "hello again"}) { tweet { id } userErrors { code } } }`
	}
	began := time.Now()
	res, err := c.Do(context.Background(), query, nil)
	switch {
	case err == nil && res.Status != http.StatusOK:
		err = fmt.Errorf("%d %.200s", res.Status, res.Body)
	case err == nil && len(res.Errors) > 0:
		err = fmt.Errorf("%v", res.Errors)
	}
	if time.Since(began) > 2*time.Second {
		l.slow.Add(1)
	}
	if err != nil {
		l.failed.Add(1)
		l.mu.Lock()
		if l.first == nil {
			l.first = err
		}
		l.mu.Unlock()
	}
	l.done.Add(1)
}

// more waits for so many more requests.
func (l *proxyLoad) more(t *testing.T, n int64) {
	t.Helper()
	from := l.done.Load()
	apitest.Until(t, "more requests", func() bool { return l.done.Load() >= from+n })
}
