package sqldb

import (
	"context"
	"net"
	"time"
)

// dialer makes connections on which a read fails when no byte arrives for as long as patience.
type dialer struct{ patience time.Duration }

// Dial is part of pq.Dialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout is part of pq.Dialer.
func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext is part of pq.DialerContext.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &impatient{Conn: conn, patience: d.patience}, nil
}

// impatient is a connection whose reads wait no longer than patience. One goroutine at a time may use it.
type impatient struct {
	net.Conn
	patience time.Duration
	// deadline is the deadline that the driver has set for the handshake; zero afterwards.
	deadline time.Time
}

// SetDeadline sets the time at which all reads and writes end; the zero time removes it.
func (c *impatient) SetDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetDeadline(t)
}

// Read waits no longer than patience.
func (c *impatient) Read(b []byte) (int, error) {
	until := time.Now().Add(c.patience)
	if !c.deadline.IsZero() && c.deadline.Before(until) {
		until = c.deadline
	}
	if err := c.SetReadDeadline(until); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}
