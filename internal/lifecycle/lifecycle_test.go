package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// recorded is a service that notes what is done with it.
type recorded struct {
	name      string
	log       *[]string
	start     error
	stop      error
	stopsWith context.Context
}

func (r *recorded) Start(context.Context) error {
	*r.log = append(*r.log, "start "+r.name)
	return r.start
}

func (r *recorded) Stop(ctx context.Context) error {
	*r.log = append(*r.log, "stop "+r.name)
	r.stopsWith = ctx
	return r.stop
}

func TestGroupStopsInReverse(t *testing.T) {
	t.Parallel()
	var log []string
	var g Group
	broken := errors.New("broken")
	for _, name := range []string{"a", "b", "c"} {
		s := &recorded{name: name, log: &log}
		if name != "b" {
			s.stop = broken
		}
		g.Add(name, s)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := g.Stop(t.Context())
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "stop a") || !strings.Contains(err.Error(), "stop c") {
		t.Errorf("stopping gives %v", err)
	}
	if want := []string{"start a", "start b", "start c", "stop c", "stop b", "stop a"}; !slices.Equal(log, want) {
		t.Errorf("it went %v, want %v", log, want)
	}
	if err := g.Stop(t.Context()); err != nil || len(log) != 6 {
		t.Errorf("stopping twice: %v, %v", err, log)
	}
}

func TestGroupUndoesAFailedStart(t *testing.T) {
	t.Parallel()
	var log []string
	var g Group
	broken := errors.New("broken")
	for _, name := range []string{"a", "b", "c", "d"} {
		s := &recorded{name: name, log: &log}
		if name == "c" {
			s.start = broken
		}
		g.Add(name, s)
	}
	if err := g.Start(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "start c") {
		t.Errorf("starting gives %v", err)
	}
	if want := []string{"start a", "start b", "start c", "stop b", "stop a"}; !slices.Equal(log, want) {
		t.Errorf("it went %v, want %v", log, want)
	}
}

// A loop outlives the context that started it, and ends with Stop, which waits for it as long as its
// context allows.
func TestLoop(t *testing.T) {
	t.Parallel()
	running, hold, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	l := &Loop{Run: func(ctx context.Context) {
		close(running)
		<-ctx.Done()
		<-hold
		close(ended)
	}}
	if err := l.Stop(t.Context()); err != nil {
		t.Errorf("stopping what was not started: %v", err)
	}
	start, cancel := context.WithCancel(t.Context())
	if err := l.Start(start); err != nil {
		t.Fatal(err)
	}
	<-running
	cancel()
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Stop(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("stopping without patience: %v", err)
	}
	select {
	case <-ended:
		t.Error("the loop ended early")
	default:
	}
	close(hold)
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("Stop did not wait for the loop")
	}
}
