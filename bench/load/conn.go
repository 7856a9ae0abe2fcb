package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Conn is a kept-alive HTTP/1.1 connection that sends ready requests. It belongs to one goroutine.
type Conn struct {
	nc  net.Conn
	buf []byte // what was read: buf[:n]
	n   int
}

// maxAnswer bounds an answer in bytes, so that a broken one ends the run and not the machine.
const maxAnswer = 16 << 20

// Dial connects to host:port.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{nc: nc, buf: make([]byte, 32<<10)}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nc.Close() }

// SetDeadline sets the deadline of all reads and writes until the next call.
func (c *Conn) SetDeadline(t time.Time) error { return c.nc.SetDeadline(t) }

// Do sends a request and returns its answer. The body is valid until the next call. An answer must have a Content-Length or be
// chunked.
func (c *Conn) Do(request []byte) (status int, body []byte, err error) {
	if _, err := c.nc.Write(request); err != nil {
		return 0, nil, fmt.Errorf("send a request: %w", err)
	}
	c.n = 0
	from, end := 0, -1
	for end < 0 {
		if err := c.more(); err != nil {
			return 0, nil, err
		}
		if i := bytes.Index(c.buf[from:c.n], []byte("\r\n\r\n")); i >= 0 {
			end = from + i + 4
		}
		from = max(c.n-3, 0)
	}
	status, length, chunked, err := readHead(c.buf[:end])
	if err != nil {
		return 0, nil, err
	}
	if chunked {
		body, err = c.chunks(end)
		return status, body, err
	}
	for c.n < end+length {
		if err := c.more(); err != nil {
			return 0, nil, err
		}
	}
	if c.n > end+length {
		return 0, nil, errors.New("read an answer: it is longer than it says")
	}
	return status, c.buf[end:c.n], nil
}

// more reads at least one byte.
func (c *Conn) more() error {
	if c.n == len(c.buf) {
		if len(c.buf) >= maxAnswer {
			return fmt.Errorf("read an answer: longer than %d bytes", maxAnswer)
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.nc.Read(c.buf[c.n:])
	c.n += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = errors.New("nothing came")
	}
	return fmt.Errorf("read an answer: %w", err)
}

// chunks reads a chunked body that starts at a place of the buffer, and joins it there.
func (c *Conn) chunks(start int) ([]byte, error) {
	out, at := start, start
	for {
		eol := -1
		for {
			if eol = bytes.Index(c.buf[at:c.n], []byte("\r\n")); eol >= 0 {
				break
			}
			if err := c.more(); err != nil {
				return nil, err
			}
		}
		size, err := strconv.ParseUint(string(c.buf[at:at+eol]), 16, 31)
		if err != nil || size > maxAnswer {
			return nil, errors.New("read an answer: a chunk has no good length")
		}
		at += eol + 2
		for c.n < at+int(size)+2 {
			if err := c.more(); err != nil {
				return nil, err
			}
		}
		if size == 0 {
			return c.buf[start:out], nil
		}
		copy(c.buf[out:], c.buf[at:at+int(size)])
		out += int(size)
		at += int(size) + 2
	}
}

var (
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
)

// readHead reads what matters of the status line and the headers.
func readHead(head []byte) (status, length int, chunked bool, err error) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || len(line) < 12 {
		return 0, 0, false, fmt.Errorf("read an answer: it starts with %.20q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, false, fmt.Errorf("read an answer: it starts with %.20q", line)
	}
	length = -1
	for len(rest) > 2 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, contentLength):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > maxAnswer {
				return 0, 0, false, fmt.Errorf("read an answer: Content-Length is %.20q", value)
			}
		case bytes.EqualFold(name, transferEncoding):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		}
	}
	if length < 0 && !chunked {
		return 0, 0, false, errors.New("read an answer: it does not say how long it is")
	}
	return status, length, chunked, nil
}
