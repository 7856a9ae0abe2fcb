package sqldb_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
	"roost/testkit/testlog"
)

// unknownSettings is what a pooler does with unknown settings of a session.
type unknownSettings int

const (
	passOn unknownSettings = iota
	ignore
	refuse
)

// newPooler returns a URL that leads to the database through a server that treats unknown settings as a pooler does.
func newPooler(t *testing.T, to string, unknown unknownSettings) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	all.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { pool(in, server, unknown) })
		}
	})
	u.Host = listener.Addr().String()
	return u.String()
}

// pool reads the first message of a client and passes on everything else.
func pool(in net.Conn, server string, unknown unknownSettings) {
	defer func() { _ = in.Close() }()
	head := make([]byte, 4)
	if _, err := io.ReadFull(in, head); err != nil {
		return
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-4)
	if _, err := io.ReadFull(in, body); err != nil {
		return
	}
	words := bytes.Split(body[4:], []byte{0}) // after the version of the protocol
	if i := slices.IndexFunc(words, func(w []byte) bool { return string(w) == "roost.session" }); i >= 0 && unknown != passOn {
		if unknown == refuse {
			text := "SFATAL\x00C08P01\x00Munsupported startup parameter: roost.session\x00\x00"
			_, _ = in.Write(append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(text)+4)), text...))
			return
		}
		body = append(slices.Clone(body[:4]), bytes.Join(slices.Delete(words, i, i+2), []byte{0})...)
		binary.BigEndian.PutUint32(head, uint32(len(body)+4))
	}
	out, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	if _, err := out.Write(append(head, body...)); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
	both.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
	both.Wait()
}

// Behind a pooler that refuses or ignores unknown settings, nothing is prepared, and one line of the log
// reports that. A server that passes everything on, such as a balancer, changes nothing.
func TestNothingIsPreparedBehindAPooler(t *testing.T) { // not parallel: it captures the log
	for name, c := range map[string]struct {
		unknown unknownSettings
		mode    sqldb.Preparing
		want    int
		lines   int
	}{
		"passes on": {passOn, sqldb.PrepareDirect, 1, 0},
		"ignores":   {ignore, sqldb.PrepareDirect, 0, 1},
		"refuses":   {refuse, sqldb.PrepareDirect, 0, 1},
		"on":        {refuse, sqldb.PrepareAlways, 1, 0},
		"off":       {refuse, sqldb.PrepareNone, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			to := pgtest.URL(t)
			things(t, to, 2)
			log := testlog.Of(func() {
				db := opened(t, sqldb.Config{URL: newPooler(t, to, c.unknown), MaxConns: 4, Prepare: c.mode})
				for range 2 {
					conn := connOf(t, db)
					mustRead(t, conn)
					if got := preparedOn(t, conn); len(got) != c.want {
						t.Errorf("prepared: %v", got)
					}
				}
			})
			testlog.Count(t, log, "behind a pooler", c.lines)
		})
	}
}
