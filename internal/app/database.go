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
	"roost/internal/sqldb"
	"roost/server"
)

const (
	// waitFirst is the pause after the first look at a database that is away, which doubles up to waitLongest.
	waitFirst   = 100 * time.Millisecond
	waitLongest = 5 * time.Second
	// lookWithin bounds one look, connecting included.
	lookWithin = 10 * time.Second
	// waitSaid is how often it is logged that a node waits.
	waitSaid = 30 * time.Second
)

// databaseWait holds up the start of what uses the database until that takes writes and has a schema that this binary
// serves. It is a lifecycle.Service: Start fails for what waiting would not mend, such as a wrong password.
type databaseWait struct{ *App }

// Start waits for as long as the database is away, or the address leads to a standby. While it waits the node listens, and
// says that it lives and that it starts. If it need not wait it does not listen yet: a balancer that does not ask
// /readyz takes every node that listens for one that serves.
func (w databaseWait) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil { // nobody else stops a service whose start failed
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
			defer cancel()
			err = errors.Join(err, w.server.Stop(ctx))
		}
	}()
	pause := waitFirst
	var said time.Time
	for {
		err := w.look(ctx)
		if err == nil || ctx.Err() != nil || !sqldb.IsUnavailable(err) {
			return err
		}
		if err := w.listen(ctx); err != nil {
			return err
		}
		if time.Since(said) >= waitSaid {
			said = time.Now()
			slog.WarnContext(ctx, "waiting for the database", "error", err)
		}
		// Nodes that start together do not come back together.
		t := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, waitLongest)
	}
}

// Stop closes the addresses, in case a later service failed to start.
func (w databaseWait) Stop(ctx context.Context) error { return w.server.Stop(ctx) }

func (w databaseWait) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
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
