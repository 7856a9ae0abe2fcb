package rig

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/testproc"
)

// CrashingNodes are nodes that die right after their first commit. A node that has died is started again, in the background.
type CrashingNodes struct {
	bin   string
	Alive chan *Process
	all   sync.WaitGroup
	stop  chan struct{}
}

// KillAfterCommit is the environment of a node that dies right after its first commit with an event.
const KillAfterCommit = "ROOST_FAULT=events.after-commit:kill"

// StartCrashing starts n nodes that die right after their first commit.
func (c *Cluster) StartCrashing(t *testing.T, n int) *CrashingNodes {
	t.Helper()
	d := &CrashingNodes{bin: c.bin, Alive: make(chan *Process, n), stop: make(chan struct{})}
	for range n {
		p := c.Prepare(t, "--roles", "api")
		c.Start(t, []*Process{p}, KillAfterCommit)
		d.Alive <- p
	}
	t.Cleanup(func() {
		close(d.stop)
		d.all.Wait()
	})
	return d
}

// Replace waits until a node has died and starts it again, in the background. The node is sent on Alive when it serves. A node that ends
// while it starts, because Redis was not a primary at that moment, is started once more.
func (d *CrashingNodes) Replace(p *Process, failed func(error)) {
	d.all.Go(func() {
		select {
		case <-p.Proc.Exited():
		case <-d.stop:
			return
		case <-time.After(apitest.Patience):
			failed(errors.New("a node does not die after its commit"))
			return
		}
		for began := time.Now(); ; {
			err := d.restart(p)
			if err == nil {
				d.Alive <- p
				return
			}
			if time.Since(began) > apitest.Patience {
				failed(err)
				return
			}
		}
	})
}

// restart starts a node, and waits until it serves or ends.
func (d *CrashingNodes) restart(p *Process) error {
	proc, err := p.Home.Start(testproc.Spec{Path: d.bin, Args: p.Args, Env: []string{KillAfterCommit}, Log: "roost.log"})
	if err != nil {
		return err
	}
	p.Proc = proc
	return proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
		select {
		case <-d.stop:
			return nil
		default:
		}
		_, err := AnonymousAt(p, http.DefaultClient).Do(ctx, "{ limits { pageSize } }", nil)
		return err
	})
}
