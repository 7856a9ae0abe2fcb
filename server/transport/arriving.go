package transport

import "io"

// arriving reads a body or a message that the client still sends. What has arrived counts as unread: so clients that begin to send
// and never end hold no more memory together than clients that do not read.
type arriving struct {
	io.Reader
	held *account
	read int
}

// Read reads, and counts what it has read.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.read += n
	a.held.add(n)
	return n, err
}

// done ends the count: everything has arrived, or nobody waits for it.
func (a *arriving) done() { a.held.add(-a.read) }
