package suite

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/internal/apitest"
	"roost/internal/app"
	"roost/internal/redistest"
	"roost/internal/sqldb"
)

// pair is nodes on the same stores, each in a process that tests may kill.
type pair struct {
	bin    string
	config app.Config
	redis  *redistest.Redis // nil if the test brings its own
	nodes  []*process
	db     *sqldb.DB
}

// rig says how to build a pair. What is empty is given.
type rig struct {
	databaseURL, redisURL string
	nodes                 int // 2 unless set
	args                  []string
}

// newPair prepares nodes on empty stores; start runs them.
func newPair(t *testing.T, r rig) *pair {
	t.Helper()
	c := &pair{bin: faulty.build(t)}
	c.config.DatabaseURL, c.config.RedisURL = r.databaseURL, r.redisURL
	if r.databaseURL == "" {
		c.config.DatabaseURL = apitest.Migrated(t)
	}
	if r.redisURL == "" {
		c.redis = redistest.Start(t)
		c.config.RedisURL = c.redis.URL()
	}
	for range max(r.nodes, 2) {
		c.nodes = append(c.nodes, c.prepare(t, r.args...))
	}
	if r.nodes == 1 {
		c.nodes = c.nodes[:1]
	}
	c.db = c.nodes[0].DB(t)
	return c
}

// prepare makes one node more, with the pair's configuration as it is now.
func (c *pair) prepare(t *testing.T, args ...string) *process {
	t.Helper()
	return processOn(t, c.config, append([]string{"--database-conns", "12", "--server-timing"}, args...)...)
}

// start runs nodes beside each other, with the environment, and waits until they are ready.
func (c *pair) start(t *testing.T, nodes []*process, env ...string) {
	t.Helper()
	for _, p := range nodes {
		p.launch(t, c.bin, env...)
	}
	for _, p := range nodes {
		p.untilReady(t)
	}
}

// says waits until the log of a node has a text.
func says(t *testing.T, p *process, text string) {
	t.Helper()
	apitest.Until(t, fmt.Sprintf("%q in the log", text), func() bool {
		all, err := os.ReadFile(p.home.Join("roost.log"))
		return err == nil && strings.Contains(string(all), text)
	})
}

// webClient is an HTTP client that keeps as many connections as it needs.
func webClient(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: apitest.Patience}
}

// anyone is a client without a session at a node.
func anyone(p *process, h *http.Client) *apitest.Client {
	return &apitest.Client{URL: p.URL, HTTP: h}
}

// profileByID and profileByName are the two ways to a profile: by one key, and by two after each other.
const (
	profileByID   = `query($id: ID!) { node(id: $id) { ... on User { bio } } }`
	profileByName = `query($name: String!) { user(username: $name) { bio } }`
	writeProfile  = `mutation($bio: String!) { updateProfile(input: {bio: $bio}) { user { id } userErrors { code } } }`
)

// bioOf reads the text of a profile.
func bioOf(ctx context.Context, c *apitest.Client, u *apitest.User, byName bool) (string, error) {
	query, path := profileByID, "node.bio"
	if byName {
		query, path = profileByName, "user.bio"
	}
	res, err := c.Do(ctx, query, apitest.Vars{"id": u.ID, "name": u.Name})
	if err != nil {
		return "", err
	}
	if len(res.Errors) > 0 {
		return "", fmt.Errorf("the profile: %s", res.Body)
	}
	return res.String(path), nil
}

// setBio writes the text of a profile.
func setBio(t *testing.T, u *apitest.User, text string) {
	t.Helper()
	u.Must(t, writeProfile, apitest.Vars{"bio": text})
}

// link stands between nodes and a Redis, and can be cut.
type link struct {
	listener net.Listener
	mu       sync.Mutex
	to       string
	cut      bool
	delay    time.Duration // of what comes back
	open     map[net.Conn]bool
	all      sync.WaitGroup
}

// newLink passes connections on to an address until the end of the test.
func newLink(t *testing.T, to string) *link {
	t.Helper()
	return newFarLink(t, to, 0)
}

// newFarLink also delays what comes back.
func newFarLink(t *testing.T, to string, delay time.Duration) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{listener: l, to: to, delay: delay, open: map[net.Conn]bool{}}
	k.all.Go(k.accept)
	t.Cleanup(func() {
		_ = l.Close()
		k.Cut()
		k.all.Wait()
	})
	return k
}

// URL is that of the Redis behind it.
func (k *link) URL() string { return "redis://" + k.listener.Addr().String() + "/0" }

// Cut closes all connections, and new ones as they come.
func (k *link) Cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = true
	k.drop()
}

// Mend passes connections on again.
func (k *link) Mend() { k.Turn("") }

// Turn closes all connections and passes new ones on to another address, if one is given.
func (k *link) Turn(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if to != "" {
		k.to = to
	}
	k.cut = false
	k.drop()
}

// Lead passes new connections on to another address; open ones stay where they are.
func (k *link) Lead(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to, k.cut = to, false
}

func (k *link) drop() {
	for c := range k.open {
		_ = c.Close()
	}
	clear(k.open)
}

func (k *link) accept() {
	for {
		in, err := k.listener.Accept()
		if err != nil {
			return
		}
		k.all.Go(func() { k.pass(in) })
	}
}

// pass copies both ways until either side ends.
func (k *link) pass(in net.Conn) {
	defer func() { _ = in.Close() }()
	k.mu.Lock()
	to, cut := k.to, k.cut
	k.mu.Unlock()
	if cut {
		return
	}
	out, err := net.DialTimeout("tcp", to, 10*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	k.mu.Lock()
	if k.cut || k.to != to { // meanwhile
		k.mu.Unlock()
		return
	}
	k.open[in], k.open[out] = true, true
	k.mu.Unlock()
	back := make(chan struct{})
	go func() {
		defer close(back)
		copyAll(in, far{out, k.delay})
	}()
	copyAll(out, in)
	<-back
	k.mu.Lock()
	delete(k.open, in)
	delete(k.open, out)
	k.mu.Unlock()
}

// far is a connection to far away.
type far struct {
	net.Conn
	delay time.Duration
}

func (f far) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if f.delay > 0 {
		<-time.After(f.delay)
	}
	return n, err
}

// copyAll copies until one end is closed, and closes the other.
func copyAll(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
