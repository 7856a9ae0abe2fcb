package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// ErrNewerSchema reports that a newer Roost has migrated the database to a schema that this binary does not serve.
var ErrNewerSchema = errors.New("the database has a newer schema than this binary serves; run a newer roost")

// ErrPending reports that the database lacks migrations: run `roost migrate up`.
var ErrPending = errors.New("the database schema is out of date; run `roost migrate up`")

// ownVersions are the versions of this binary's files, in order.
var ownVersions = sync.OnceValue(func() (all []int64) {
	entries, err := files.ReadDir("sql")
	if err != nil {
		panic(err) // they are part of the binary
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic(err)
		}
		all = append(all, v)
	}
	slices.Sort(all)
	return all
})

// newest is the version of this binary's schema.
func newest() int64 { return ownVersions()[len(ownVersions())-1] }

// schemaState is what a database stores about its schema.
type schemaState struct {
	applied map[int64]bool
	times   map[int64]time.Time
	// oldest is the version of the oldest binaries that serve the schema. Migrations that take something away raise it, so
	// that a binary can check whether a schema newer than itself still has all that it needs.
	oldest int64
}

// readSchema reads the state of the schema. A database without our tables has none.
func readSchema(ctx context.Context, db *sql.DB) (s schemaState, err error) {
	s.applied, s.times = map[int64]bool{}, map[int64]time.Time{}
	rows, err := db.QueryContext(ctx, "SELECT version_id, tstamp FROM "+versionTable+" WHERE is_applied AND version_id > 0")
	if isMissing(err) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the schema's version: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v int64
		var at time.Time
		if err := rows.Scan(&v, &at); err != nil {
			return s, fmt.Errorf("read the schema's version: %w", err)
		}
		s.applied[v], s.times[v] = true, at
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return s, fmt.Errorf("read the schema's version: %w", err)
	}
	if len(s.beyond()) == 0 {
		return s, nil
	}
	err = db.QueryRowContext(ctx, "SELECT oldest FROM schema_compatibility WHERE id = 1").Scan(&s.oldest)
	if isMissing(err) || errors.Is(err, sql.ErrNoRows) {
		s.oldest = slices.Max(s.beyond()) // the database does not store it
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read which versions the schema is for: %w", err)
	}
	return s, nil
}

func isMissing(err error) bool { return pq.As(err, pqerror.UndefinedTable) != nil }

// beyond returns the applied versions that are newer than this binary, in order.
func (s schemaState) beyond() (all []int64) {
	for _, v := range slices.Sorted(maps.Keys(s.applied)) {
		if v > newest() {
			all = append(all, v)
		}
	}
	return all
}

// check fails unless this binary serves the schema.
func (s schemaState) check() error {
	if newer := s.beyond(); len(newer) > 0 && s.oldest > newest() {
		return fmt.Errorf("%w (it is at %d and for binaries from %d on, this one is at %d)",
			ErrNewerSchema, newer[len(newer)-1], s.oldest, newest())
	}
	for _, v := range ownVersions() {
		if !s.applied[v] {
			return ErrPending
		}
	}
	return nil
}

// Check fails with ErrPending or ErrNewerSchema unless this binary serves the database's schema. It serves its own, and a newer
// one that still has everything in its own. Check writes nothing, and is fast enough for every readiness check.
func Check(ctx context.Context, db *sql.DB) error {
	s, err := readSchema(ctx, db)
	if err != nil {
		return err
	}
	return s.check()
}
