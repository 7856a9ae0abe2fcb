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

// Doomed are nodes that die right after their first commit. Those that died are started again, in the background.
type Doomed struct {
	bin   string
	Alive chan *Process
	all   sync.WaitGroup
	stop  chan struct{}
}

// DieAfterCommit has a node die right after its first commit with an event.
const DieAfterCommit = "ROOST_FAULT=events.after-commit:kill"

// Doomed starts n nodes that die right after their first commit.
func (c *Pair) Doomed(t *testing.T, n int) *Doomed {
	t.Helper()
	d := &Doomed{bin: c.bin, Alive: make(chan *Process, n), stop: make(chan struct{})}
	for range n {
		p := c.Prepare(t, "--roles", "api")
		c.Start(t, []*Process{p}, DieAfterCommit)
		d.Alive <- p
	}
	t.Cleanup(func() {
		close(d.stop)
		d.all.Wait()
	})
	return d
}

// Replace starts one that has died again.
func (d *Doomed) Replace(p *Process, failed func(error)) {
	d.all.Go(func() {
		select {
		case <-p.Proc.Exited():
		case <-d.stop:
			return
		case <-time.After(apitest.Patience):
			failed(errors.New("a node does not die after its commit"))
			return
		}
		proc, err := p.Home.Start(testproc.Spec{Path: d.bin, Args: p.Args, Env: []string{DieAfterCommit}, Log: "roost.log"})
		if err != nil {
			failed(err)
			return
		}
		p.Proc = proc
		err = proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
			select {
			case <-d.stop:
				return nil
			default:
			}
			_, err := Anyone(p, http.DefaultClient).Do(ctx, "{ limits { pageSize } }", nil)
			return err
		})
		if err != nil {
			failed(err)
			return
		}
		d.Alive <- p
	})
}
