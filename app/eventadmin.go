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

// EventAdmin is what an operator does with consumer groups: on the database itself with events.Admin, or
// through the admin address of a node with RemoteEvents.
type EventAdmin interface {
	Groups(ctx context.Context) ([]events.GroupStatus, error)
	DeadLetters(ctx context.Context, group string, limit int) ([]events.DeadLetter, error)
	Retry(ctx context.Context, group string, seq int64) (int, error)
	Replay(ctx context.Context, group string, position int64) error
	Start(ctx context.Context) (int64, error)
	NewEpoch(ctx context.Context) (events.Epoch, error)
}

// eventRequest is the body of every request, eventAnswer that of every answer.
type eventRequest struct {
	Group    string
	Seq      int64
	Position int64
	Limit    int
}

type eventAnswer struct {
	Error    string               `json:",omitempty"`
	Groups   []events.GroupStatus `json:",omitempty"`
	Dead     []events.DeadLetter  `json:",omitempty"`
	Retried  int                  `json:",omitempty"`
	Position int64                `json:",omitempty"`
	Epoch    *events.Epoch        `json:",omitempty"`
}

// maxDead bounds how many dead letters one answer lists.
const maxDead = 1000

// EventHandlers serve an EventAdmin on the admin address, each action under /events/ as a POST of JSON;
// other content types, which browsers send across sites without asking, are refused.
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

// RemoteEvents reaches the EventAdmin of a running node.
type RemoteEvents struct{ addr string }

// NewRemoteEvents reaches the node with an admin address, as --admin-addr has it.
func NewRemoteEvents(addr string) RemoteEvents { return RemoteEvents{addr} }

// remoteTimeout bounds one request.
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

// Groups tells about every group.
func (r RemoteEvents) Groups(ctx context.Context) ([]events.GroupStatus, error) {
	a, err := r.ask(ctx, "groups", eventRequest{})
	return a.Groups, err
}

// DeadLetters lists dead letters, at most 1,000.
func (r RemoteEvents) DeadLetters(ctx context.Context, group string, limit int) ([]events.DeadLetter, error) {
	a, err := r.ask(ctx, "dead", eventRequest{Group: group, Limit: limit})
	return a.Dead, err
}

// Retry gives dead letters another row of attempts.
func (r RemoteEvents) Retry(ctx context.Context, group string, seq int64) (int, error) {
	a, err := r.ask(ctx, "retry", eventRequest{Group: group, Seq: seq})
	return a.Retried, err
}

// Replay moves a group to a position.
func (r RemoteEvents) Replay(ctx context.Context, group string, position int64) error {
	_, err := r.ask(ctx, "replay", eventRequest{Group: group, Position: position})
	return err
}

// Start is the position behind which everything is that is kept.
func (r RemoteEvents) Start(ctx context.Context) (int64, error) {
	a, err := r.ask(ctx, "start", eventRequest{})
	return a.Position, err
}

// NewEpoch begins a new epoch of the log.
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
