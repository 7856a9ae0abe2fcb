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
	// encoding is the Content-Encoding of the last answer.
	encoding string
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

// Encoding returns the Content-Encoding of the last answer: "gzip", "zstd", "other", or "" if the body came as it is.
func (c *Conn) Encoding() string { return c.encoding }

// Do sends a request and returns its answer, as it was encoded. The body is valid until the next call. An answer must have a
// Content-Length or be chunked.
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
	h, err := readHead(c.buf[:end])
	if err != nil {
		return 0, nil, err
	}
	c.encoding = h.encoding
	if h.chunked {
		body, err = c.chunks(end)
		return h.status, body, err
	}
	for c.n < end+h.length {
		if err := c.more(); err != nil {
			return 0, nil, err
		}
	}
	if c.n > end+h.length {
		return 0, nil, errors.New("read an answer: it is longer than its Content-Length")
	}
	return h.status, c.buf[end:c.n], nil
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
		err = errors.New("no bytes came")
	}
	return fmt.Errorf("read an answer: %w", err)
}

// chunks reads a chunked body that starts at an index of the buffer, and joins its chunks there.
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
			return nil, errors.New("read an answer: a chunk has no valid length")
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
	contentEncoding  = []byte("content-encoding")
	transferEncoding = []byte("transfer-encoding")
)

// head is what the head of an answer says about its body. length is -1 if the body is chunked.
type head struct {
	status, length int
	chunked        bool
	encoding       string
}

// encodings are the names by which a head's encoding is remembered, without copying it.
var encodings = []string{"gzip", "zstd"}

// readHead reads the status, and the headers that describe the body.
func readHead(raw []byte) (h head, err error) {
	line, rest, _ := bytes.Cut(raw, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || len(line) < 12 {
		return h, fmt.Errorf("read an answer: it starts with %.20q", line)
	}
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return h, fmt.Errorf("read an answer: it starts with %.20q", line)
	}
	h.length = -1
	for len(rest) > 2 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, contentLength):
			if h.length, err = strconv.Atoi(string(value)); err != nil || h.length < 0 || h.length > maxAnswer {
				return h, fmt.Errorf("read an answer: Content-Length is %.20q", value)
			}
		case bytes.EqualFold(name, contentEncoding):
			h.encoding = "other"
			for _, e := range encodings {
				if string(value) == e {
					h.encoding = e
				}
			}
		case bytes.EqualFold(name, transferEncoding):
			h.chunked = bytes.EqualFold(value, []byte("chunked"))
		}
	}
	if h.length < 0 && !h.chunked {
		return h, errors.New("read an answer: it has no Content-Length and is not chunked")
	}
	return h, nil
}
