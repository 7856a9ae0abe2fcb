package app

import (
	"context"
	"log/slog"

	"roost/events"
)

// trackEpochs makes the whole node enter a new epoch of the log when any reader of the log finds one.
func (a *App) trackEpochs() {
	a.epochs = &events.Epochs{}
	a.log.Track(a.epochs)
	a.epochs.Enter(func(before, now events.Epoch) {
		if before.Number != 0 {
			// First, so that reads in the new epoch use connections to the database that it was found on.
			a.stores.DB.Renew()
			a.stores.IDs.Doubt()
		}
		a.rows.Tier().SetEpoch(now.Number)
		if before.Number == 0 {
			return
		}
		slog.Error("the database went back to an earlier state, or was replaced by a copy: acknowledged writes may be lost. "+
			"All cached rows are dropped and all streams are reset; nothing else needs to be done here. "+
			"If it was a failover, synchronous replication would have lost nothing",
			"epoch_before", before.Number, "epoch", now.Number, "log_ends_at", now.Since)
		a.wake()
	})
}

// epochStart is the service that reads the epoch of the log, before anything uses the cache or the log.
type epochStart struct{ *App }

// Start reads the epoch. It fails when the database cannot be reached.
func (e epochStart) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	look := e.epochs.Look()
	now, err := events.CurrentEpoch(ctx, e.stores.DB)
	if err != nil {
		return err
	}
	e.epochs.See(look, now)
	return nil
}

// Stop does nothing.
func (e epochStart) Stop(context.Context) error { return nil }
