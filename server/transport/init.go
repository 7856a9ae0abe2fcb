package transport

import (
	"context"
	"encoding/json"
	"errors"

	"roost/internal/admission"
	"roost/internal/errs"
)

// handleInit begins the initialisation. The reader continues, so that it notices a second one.
func (c *conn) handleInit(raw json.RawMessage) {
	c.mu.Lock()
	again := c.initSeen
	c.initSeen = true
	c.mu.Unlock()
	if again {
		c.shut(closeTooMany, "Too many initialisation requests", flush)
		return
	}
	c.initTimer.Stop()
	var payload map[string]any
	if decodeObject(raw, "payload", &payload) != nil {
		c.shut(closeBadMessage, "Invalid message", flush)
		return
	}
	c.wg.Go(func() {
		defer c.recover()
		c.initialise(payload)
	})
}

// initialise finds out who the connection belongs to, and acknowledges it.
func (c *conn) initialise(payload map[string]any) {
	ctx, cancel := context.WithTimeout(c.ctx, c.s.cfg.InitTimeout)
	defer cancel()
	who, err := c.identify(ctx, payload)
	c.req = nil
	if err != nil {
		c.refuseInit(err)
		return
	}
	if !c.s.claimUser(who.UserID) {
		if who.Release != nil {
			who.Release()
		}
		c.shut(closeTryAgain, "Too many sockets of this user", flush)
		return
	}
	c.mu.Lock()
	c.who, c.acked = who, true // serve releases both
	c.mu.Unlock()
	c.post(encodeControl(typeAck, nil))
	if who.Ended != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watch(who.Ended)
	}
}

// identify calls Init once the gate admits it.
func (c *conn) identify(ctx context.Context, payload map[string]any) (InitResult, error) {
	ticket, err := c.s.cfg.Gate.Enter(ctx, c.addr, admission.Patient)
	if err != nil {
		return InitResult{}, err
	}
	defer ticket.Leave()
	return c.s.cfg.Init(admission.With(ctx, ticket), c.req, payload)
}

func (c *conn) refuseInit(err error) {
	switch {
	case c.ctx.Err() != nil: // the connection ended first
	case errs.Is(err, errs.Unavailable), errors.Is(err, context.DeadlineExceeded):
		c.shut(closeTryAgain, "Unavailable", flush)
	case errs.Is(err, errs.Internal):
		c.s.cfg.Log.ErrorContext(c.ctx, "socket initialisation failed", "error", err)
		c.shut(closeInternal, "Internal error", flush)
	default:
		c.shut(closeForbidden, "Forbidden", flush)
	}
}
