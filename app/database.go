package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"roost/ent/migrations"
	"roost/internal/errs"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
	"roost/server"
)

const (
	// minPause is the pause after the first look at a database that is away. It doubles up to maxPause.
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
	// lookTimeout bounds one look, connecting included.
	lookTimeout = 10 * time.Second
	// waitLogEvery is how often it is logged that a node waits.
	waitLogEvery = 30 * time.Second
)

// databaseWait holds up the start of what uses the database until that takes writes and has a schema that this binary
// serves. It is a lifecycle.Service. Start fails at once for errors that waiting does not mend, such as a wrong password.
type databaseWait struct{ *App }

// Start waits for as long as the database is away, or the address leads to a standby. While it waits the node listens:
// /healthz answers 200 and /readyz 503. A node that need not wait does not listen yet, because a balancer that does not
// ask /readyz takes every node that listens for one that serves.
func (w databaseWait) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil { // nobody else stops a service whose start failed
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
			defer cancel()
			err = errors.Join(err, w.server.Stop(ctx))
		}
	}()
	pause := minPause
	var logged time.Time
	for {
		err := w.look(ctx)
		if err == nil || ctx.Err() != nil || !sqldb.IsUnavailable(err) {
			return err
		}
		if err := w.listen(ctx); err != nil {
			return err
		}
		if time.Since(logged) >= waitLogEvery {
			logged = time.Now()
			slog.WarnContext(ctx, "waiting for the database", "error", err)
		}
		// Nodes that start together do not come back together.
		lifecycle.Pause(ctx, nil, pause/2+rand.N(pause/2))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause = min(2*pause, maxPause)
	}
}

// Stop closes the addresses, in case a later service failed to start.
func (w databaseWait) Stop(ctx context.Context) error { return w.server.Stop(ctx) }

func (w databaseWait) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if err := w.stores.DB.Check(ctx); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	return w.stores.checkSchema(ctx)
}

// databaseCheck decides on readiness. A database that is away leaves a node in traffic: it serves what is warm, and all
// nodes would leave at once. At a standby, or beside a schema that it does not serve, it must not serve anything.
func (a *App) databaseCheck() server.Check {
	return server.Check{
		Name: "database",
		Run: func(ctx context.Context) error {
			err := a.stores.DB.Check(ctx)
			if err == nil {
				err = a.stores.checkSchema(ctx)
			}
			return explained(err)
		},
		Bearable: func(err error) bool { return sqldb.IsUnavailable(err) && !sqldb.TakesNoWrites(err) },
	}
}

// explained adds a public message to the failures that take a node out of traffic.
func explained(err error) error {
	message := ""
	switch {
	case errors.Is(err, sqldb.ErrNotPrimary):
		message = sqldb.ErrNotPrimary.Error()
	case sqldb.TakesNoWrites(err):
		message = "the database has no room on its disk, or cannot write to it"
	case errors.Is(err, migrations.ErrPending):
		message = migrations.ErrPending.Error()
	case errors.Is(err, migrations.ErrNewerSchema):
		message = migrations.ErrNewerSchema.Error()
	default:
		return err
	}
	return &errs.Error{Kind: errs.Internal, Message: message, Err: err}
}
