package costs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// An idle node runs at most two statements a second, also with a warm cache and behind a socket that is closed again.
// The statements are counted on the wire, so that none is missed, whatever pool it uses.
func TestAnIdleNodeIsQuiet(t *testing.T) {
	t.Parallel()
	const looks, perSecond = 10, 2
	statements := make(chan statement, 1<<16)
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseURL = countStatements(t, c.DatabaseURL, statements) })
	ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
	ada.Follow(t, bob.ID)
	socket := ada.Dial(t)
	home := rig.WatchHome(t, ada, socket)
	rig.ExpectHome(t, home, "+"+bob.Tweet(t, "hello"))
	_ = socket.Conn.Close()

	var window []statement
	lookouts := 0
	patience := time.NewTimer(testtime.Patience)
	defer patience.Stop()
	for {
		select {
		case s := <-statements:
			window = append(window, s)
			if s.isLookout() {
				lookouts++
			}
		case <-patience.C:
			t.Fatalf("no window of %d looks has at most %d statements a second: the last one has %s", looks, perSecond, summary(window))
		}
		for lookouts > looks { // the window begins just after a look and ends with one
			if window[0].isLookout() {
				lookouts--
			}
			window = window[1:]
		}
		if last := len(window) - 1; lookouts == looks && window[last].isLookout() &&
			float64(last) <= perSecond*window[last].at.Sub(window[0].at).Seconds() {
			t.Logf("%d statements in %s", last, window[last].at.Sub(window[0].at))
			return
		}
	}
}

// statement is a statement that a node has sent to PostgreSQL.
type statement struct {
	text string
	at   time.Time
}

// isLookout reports whether the statement is the one with which an idle node looks for what it may have missed.
func (s statement) isLookout() bool {
	return strings.Contains(s.text, "roost_sequence") && strings.Contains(s.text, "retry_queue")
}

func summary(all []statement) string {
	counts := map[string]int{}
	for _, s := range all {
		counts[s.text]++
	}
	var b strings.Builder
	for text, n := range counts {
		b.WriteString("\n" + strings.Repeat("#", min(n, 50)) + " " + text)
	}
	return b.String()
}

// countStatements returns the URL of a proxy in front of a database. It sends each statement that passes, in order.
func countStatements(t *testing.T, database string, to chan<- statement) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	p := rig.NewProxy(t, u.Host)
	p.Tap(func(from net.Conn) io.Reader {
		into, out := io.Pipe()
		go func() { _ = into.CloseWithError(readStatements(into, to)) }() // ends with the connection
		return &copied{from, out}
	})
	u.Host = p.Listener.Addr().String()
	return u.String()
}

// copied is a reader whose bytes, and whose end, also go to a pipe.
type copied struct {
	io.Reader
	out *io.PipeWriter
}

func (c *copied) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if _, failed := c.out.Write(b[:n]); failed != nil {
		return n, failed
	}
	if err != nil {
		_ = c.out.CloseWithError(err)
	}
	return n, err
}

// readStatements reads what a client of PostgreSQL sends on one connection.
func readStatements(from io.Reader, to chan<- statement) error {
	in := bufio.NewReader(from)
	if _, err := readMessage(in); err != nil { // the start, which has no type
		return err
	}
	prepared, bound := map[string]string{}, ""
	for {
		kind, err := in.ReadByte()
		if err != nil {
			return err
		}
		body, err := readMessage(in)
		if err != nil {
			return err
		}
		first, rest, _ := bytes.Cut(body, []byte{0})
		second, _, _ := bytes.Cut(rest, []byte{0})
		switch kind {
		case 'P': // a name and a text
			prepared[string(first)] = string(second)
		case 'B': // a portal and the name of what was prepared
			bound = prepared[string(second)]
		case 'E':
			to <- statement{bound, time.Now()}
		case 'Q':
			to <- statement{string(first), time.Now()}
		}
	}
}

// readMessage reads a message after its type.
func readMessage(in io.Reader) ([]byte, error) {
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	body := make([]byte, size-4)
	_, err := io.ReadFull(in, body)
	return body, err
}
