package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"roost/app"
	"roost/events"
	"roost/internal/sqldb"
)

// backup copies the embedded database into a file. A node may run on the database meanwhile.
func backup(ctx context.Context, args []string, out io.Writer) error {
	var c app.Config
	f := flags("backup", "[flags] FILE")
	c.StoreFlags(f)
	words, args := split(args)
	if err := parse(&c, f, args); err != nil {
		return badFlags(f, err)
	}
	words = append(words, f.Args()...)
	switch {
	case c.Server():
		return badFlags(f, errors.New("backup copies the embedded database; copy PostgreSQL with pg_dump or pg_basebackup"))
	case len(words) != 1:
		return badFlags(f, errors.New("name the one file to write"))
	}
	from := filepath.Join(c.DataDir, app.DatabaseFile)
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("there is no embedded database in %s: name its --data-dir", c.DataDir)
	}
	if err := sqldb.Backup(ctx, from, words[0], events.StampCopy); err != nil {
		return err
	}
	info, err := os.Stat(words[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s holds a copy of %s, %.1f MB\n", words[0], from, float64(info.Size())/1e6)
	return err
}
