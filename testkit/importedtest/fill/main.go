// Command fill imports a data set into an empty database, indexes it for search, and prints what the import took, as JSON. Package
// importedtest builds and runs it in a process of its own. So tests under the race detector import at full speed, and the peak of
// memory is measured for the import alone.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"syscall"

	"roost/domain/imports"
	"roost/domain/search"
	"roost/ent"
	"roost/ent/migrations"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// Figures are what an import took.
type Figures struct {
	Report imports.Report
	// MaxRSS is the peak of resident memory of this process, in bytes.
	MaxRSS int64
}

func main() {
	url := flag.String("url", "", "PostgreSQL `URL` of an empty database")
	file := flag.String("file", "", "SQLite `file` to make")
	dir := flag.String("dir", "", "data set")
	flag.Parse()
	if err := fill(context.Background(), sqldb.Config{URL: *url, File: *file}, *dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fill(ctx context.Context, to sqldb.Config, dir string) error {
	db, err := sqldb.Open(ctx, to)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if db.IsPostgres() {
		_, err = migrations.Up(ctx, db.Writer())
	} else {
		err = migrations.CreateSQLite(ctx, db.Driver)
	}
	if err != nil {
		return err
	}
	var f Figures
	f.Report, err = imports.Run(ctx, imports.Options{DB: db, IDs: ids.NewGenerator(clock.Real{}, idlease.New(db)), Dir: dir})
	if err != nil {
		return err
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	// Linux counts in KiB.
	f.MaxRSS = usage.Maxrss << 10
	if err := index(ctx, db); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// index indexes what was imported, as the nodes of a site do.
func index(ctx context.Context, db *sqldb.DB) error {
	log := events.New(ent.NewClient(ent.Driver(db.Driver)), clock.Real{})
	if _, err := search.New(db, log, clock.Real{}, search.Config{}).FillAll(ctx); err != nil {
		return err
	}
	if !db.IsPostgres() {
		return nil
	}
	_, err := db.Writer().ExecContext(ctx, "VACUUM (ANALYZE) search_tweets, search_names, search_fills, user_stats")
	return err
}
