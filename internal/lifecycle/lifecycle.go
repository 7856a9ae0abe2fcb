// Package lifecycle starts and stops what runs in the background. Everything that owns a goroutine is a [Service]. A [Group]
// starts services in order and stops them in reverse order. If a service fails to start, the group stops the services that it
// had started. A [Loop] is a service with one goroutine. A [Poll] is what such a goroutine usually does: it looks for work
// again and again.
//
//	var group lifecycle.Group
//	group.Add("database", database)
//	group.Add("sequencer", &lifecycle.Loop{Run: lifecycle.Poll{Look: look, Every: time.Second, Retry: time.Second}.Run})
//	if err := group.Start(ctx); err != nil {
//		return err // what had started is stopped again
//	}
//	defer group.Stop(ctx)
package lifecycle

import (
	"context"
	"errors"
	"fmt"
)

// Service owns background work. Start returns once the work runs; Stop returns once it has ended, or
// when ctx ends. Stop of a service that was not started does nothing.
type Service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

type named struct {
	name string
	svc  Service
}

// Group starts and stops several services together. It is not safe for concurrent use.
type Group struct {
	all     []named
	started int
}

// Add appends a service, to be started after those added before.
func (g *Group) Add(name string, s Service) { g.all = append(g.all, named{name, s}) }

// Start starts every service in order. If one fails, those started are stopped again.
func (g *Group) Start(ctx context.Context) error {
	for _, n := range g.all[g.started:] {
		if err := n.svc.Start(ctx); err != nil {
			return errors.Join(fmt.Errorf("start %s: %w", n.name, err), g.Stop(ctx))
		}
		g.started++
	}
	return nil
}

// Stop stops the started services in reverse order and joins their errors.
func (g *Group) Stop(ctx context.Context) error {
	var errs []error
	for ; g.started > 0; g.started-- {
		n := g.all[g.started-1]
		if err := n.svc.Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", n.name, err))
		}
	}
	return errors.Join(errs...)
}

// Loop runs a function in one goroutine until it is stopped; it is the usual Service.
type Loop struct {
	// Run works until ctx ends; it owns everything it starts.
	Run func(ctx context.Context)

	cancel context.CancelFunc
	done   chan struct{}
}

// Start starts the goroutine. The goroutine runs until Stop, even if ctx ends earlier.
func (l *Loop) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel, l.done = cancel, make(chan struct{})
	go func() {
		defer close(l.done)
		l.Run(run)
	}()
	return nil
}

// Stop ends the work and waits for it.
func (l *Loop) Stop(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
