package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"roost/events"
)

// EventAdmin is what an operator can do with consumer groups. events.Admin does it on the database itself, RemoteEvents through
// the admin address of a node.
type EventAdmin interface {
	Groups(ctx context.Context) ([]events.GroupStatus, error)
	DeadLetters(ctx context.Context, group string, limit int) ([]events.DeadLetter, error)
	Retry(ctx context.Context, group string, seq int64) (int, error)
	Replay(ctx context.Context, group string, position int64) error
	Start(ctx context.Context) (int64, error)
	NewEpoch(ctx context.Context) (events.Epoch, error)
}

// eventRequest is the body of every request.
type eventRequest struct {
	Group    string
	Seq      int64
	Position int64
	Limit    int
}

// eventAnswer is the body of every answer.
type eventAnswer struct {
	Error    string               `json:",omitempty"`
	Groups   []events.GroupStatus `json:",omitempty"`
	Dead     []events.DeadLetter  `json:",omitempty"`
	Retried  int                  `json:",omitempty"`
	Position int64                `json:",omitempty"`
	Epoch    *events.Epoch        `json:",omitempty"`
}

// maxDead is how many dead letters one answer lists at most.
const maxDead = 1000

// EventHandlers returns the handlers that serve an EventAdmin on the admin address: each action is a POST of JSON under /events/.
// They refuse other content types, because browsers send those across sites without a preflight request.
func EventHandlers(admin EventAdmin) map[string]http.Handler {
	actions := map[string]func(ctx context.Context, q eventRequest, a *eventAnswer) error{
		"groups": func(ctx context.Context, _ eventRequest, a *eventAnswer) (err error) {
			a.Groups, err = admin.Groups(ctx)
			return err
		},
		"dead": func(ctx context.Context, q eventRequest, a *eventAnswer) (err error) {
			a.Dead, err = admin.DeadLetters(ctx, q.Group, min(max(q.Limit, 1), maxDead))
			return err
		},
		"retry": func(ctx context.Context, q eventRequest, a *eventAnswer) (err error) {
			a.Retried, err = admin.Retry(ctx, q.Group, q.Seq)
			return err
		},
		"replay": func(ctx context.Context, q eventRequest, _ *eventAnswer) error {
			return admin.Replay(ctx, q.Group, q.Position)
		},
		"new-epoch": func(ctx context.Context, _ eventRequest, a *eventAnswer) error {
			e, err := admin.NewEpoch(ctx)
			a.Epoch = &e
			return err
		},
		"start": func(ctx context.Context, _ eventRequest, a *eventAnswer) (err error) {
			a.Position, err = admin.Start(ctx)
			return err
		},
	}
	out := map[string]http.Handler{}
	for name, do := range actions {
		out["POST /events/"+name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveEvents(w, r, do) })
	}
	return out
}

func serveEvents(w http.ResponseWriter, r *http.Request, do func(context.Context, eventRequest, *eventAnswer) error) {
	var q eventRequest
	var a eventAnswer
	status, refused := readAdmin(w, r, &q)
	if refused != "" {
		a.Error = refused
	} else if err := do(r.Context(), q, &a); err != nil {
		status = http.StatusInternalServerError
		if errors.Is(err, events.ErrNoGroup) || errors.Is(err, events.ErrOutside) {
			status = http.StatusUnprocessableEntity
		}
		a = eventAnswer{Error: err.Error()}
	}
	answerAdmin(w, status, a)
}

// RemoteEvents calls the EventAdmin of a running node.
type RemoteEvents struct{ addr string }

// NewRemoteEvents returns a RemoteEvents for the node with an admin address, in the form of --admin-addr.
func NewRemoteEvents(addr string) RemoteEvents { return RemoteEvents{addr} }

// remoteTimeout bounds one request to a node.
const remoteTimeout = 30 * time.Second

func (r RemoteEvents) ask(ctx context.Context, action string, q eventRequest) (a eventAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	res, err := askAdmin(ctx, r.addr, "/events/"+action, q)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<20)).Decode(&a); err != nil {
		return a, fmt.Errorf("read the answer of --admin-addr %s: %w", r.addr, err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// Groups is events.Admin.Groups on the node.
func (r RemoteEvents) Groups(ctx context.Context) ([]events.GroupStatus, error) {
	a, err := r.ask(ctx, "groups", eventRequest{})
	return a.Groups, err
}

// DeadLetters is events.Admin.DeadLetters on the node, with at most 1,000 dead letters.
func (r RemoteEvents) DeadLetters(ctx context.Context, group string, limit int) ([]events.DeadLetter, error) {
	a, err := r.ask(ctx, "dead", eventRequest{Group: group, Limit: limit})
	return a.Dead, err
}

// Retry is events.Admin.Retry on the node.
func (r RemoteEvents) Retry(ctx context.Context, group string, seq int64) (int, error) {
	a, err := r.ask(ctx, "retry", eventRequest{Group: group, Seq: seq})
	return a.Retried, err
}

// Replay is events.Admin.Replay on the node.
func (r RemoteEvents) Replay(ctx context.Context, group string, position int64) error {
	_, err := r.ask(ctx, "replay", eventRequest{Group: group, Position: position})
	return err
}

// Start is events.Admin.Start on the node.
func (r RemoteEvents) Start(ctx context.Context) (int64, error) {
	a, err := r.ask(ctx, "start", eventRequest{})
	return a.Position, err
}

// NewEpoch is events.Admin.NewEpoch on the node.
func (r RemoteEvents) NewEpoch(ctx context.Context) (events.Epoch, error) {
	a, err := r.ask(ctx, "new-epoch", eventRequest{})
	if err == nil && a.Epoch == nil {
		err = errors.New("the node is of a release without epochs")
	}
	if err != nil {
		return events.Epoch{}, err
	}
	return *a.Epoch, nil
}
