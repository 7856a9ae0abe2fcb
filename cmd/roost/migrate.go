package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"roost/app"
	"roost/ent/migrations"
	"roost/internal/sqldb"
)

func migrate(ctx context.Context, args []string, out io.Writer) (err error) {
	var c app.Config
	f := flags("migrate", "up|status [flags]")
	c.StoreFlags(f)
	what := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		what, args = args[0], args[1:]
	}
	if err := parse(&c, f, args); err != nil {
		return badFlags(f, err)
	}
	if what != "up" && what != "status" || f.NArg() > 0 {
		return badFlags(f, errors.New("say `roost migrate up` or `roost migrate status`"))
	}
	if !c.Server() {
		return badFlags(f, errors.New("--database-url is needed; an embedded database migrates itself"))
	}
	db, err := sqldb.Open(ctx, sqldb.Config{URL: c.DatabaseURL, MaxConns: 4})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if what == "status" {
		return migrationStatus(ctx, db, out)
	}
	n, err := migrations.Run(ctx, db.Writer(), migrations.Options{Progress: func(p migrations.Progress) {
		if p.Tries == 0 {
			fmt.Fprintf(os.Stderr, "applying %s\n", p.File)
			return
		}
		fmt.Fprintf(os.Stderr, "its tables are in use by others; trying again (%d)\n", p.Tries)
	}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d migrations applied; the schema is up to date\n", n)
	return err
}

func migrationStatus(ctx context.Context, db *sqldb.DB, out io.Writer) error {
	steps, err := migrations.Status(ctx, db.Writer())
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, s := range steps {
		state := "pending"
		if s.Applied {
			state = "applied " + s.AppliedAt.UTC().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", s.Version, cmp.Or(s.File, "of a newer roost"), state)
	}
	return errors.Join(w.Flush(), err)
}
