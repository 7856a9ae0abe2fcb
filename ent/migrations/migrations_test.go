package migrations

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect/sql/schema"

	"roost/ent"
	"roost/internal/sqldb"
	"roost/testkit/pgtest"
)

func open(t *testing.T, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func postgres(t *testing.T) *sqldb.DB { return open(t, sqldb.Config{URL: pgtest.URL(t), MaxConns: 8}) }

// Nodes that migrate at once do it once, and all end at the schema.
func TestUpFromSeveralNodes(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	const nodes = 4
	var all sync.WaitGroup
	done := make([]int, nodes)
	for i := range nodes {
		db := open(t, sqldb.Config{URL: url, MaxConns: 2})
		all.Go(func() {
			var err error
			if done[i], err = Up(t.Context(), db.Writer()); err != nil {
				t.Error(err)
			}
			if err := Check(t.Context(), db.Writer()); err != nil {
				t.Errorf("after migrating: %v", err)
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	if sum != len(ownVersions()) {
		t.Errorf("%v files were applied, want %d in all", done, len(ownVersions()))
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	status := func() (applied int) {
		t.Helper()
		steps, err := Status(t.Context(), db.Writer())
		if err != nil || len(steps) != len(ownVersions()) {
			t.Fatalf("%d steps, %v", len(steps), err)
		}
		for _, s := range steps {
			if s.Applied {
				applied++
			}
			if s.Version == 0 || s.File == "" || s.Applied == s.AppliedAt.IsZero() {
				t.Errorf("step %+v", s)
			}
		}
		return applied
	}
	if n := status(); n != 0 {
		t.Errorf("%d steps are applied to an empty database", n)
	}
	if err := Check(t.Context(), db.Writer()); !errors.Is(err, ErrPending) {
		t.Errorf("an empty database: %v", err)
	}
	for _, want := range []int{len(ownVersions()), 0} {
		if n, err := Up(t.Context(), db.Writer()); err != nil || n != want {
			t.Errorf("%d files applied, %v; want %d", n, err, want)
		}
	}
	if n := status(); n != len(ownVersions()) {
		t.Errorf("%d steps are applied", n)
	}
}

func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// A database that a newer binary has migrated is left alone.
func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	if _, err := Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	exec(t, db.Writer(), "INSERT INTO "+versionTable+" (version_id, is_applied) VALUES (99999, true)")
	exec(t, db.Writer(), "UPDATE schema_compatibility SET oldest = 99998")
	exec(t, db.Writer(), "DROP TABLE users")
	if n, err := Up(t.Context(), db.Writer()); !errors.Is(err, ErrNewerSchema) || n != 0 {
		t.Errorf("up: %d, %v", n, err)
	}
	if err := Check(t.Context(), db.Writer()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("check: %v", err)
	}
	steps, err := Status(t.Context(), db.Writer())
	if !errors.Is(err, ErrNewerSchema) || len(steps) != len(ownVersions())+1 || steps[len(steps)-1].Version != 99999 {
		t.Errorf("status: %d steps, %v", len(steps), err)
	}
	var users sql.NullString
	if err := db.Writer().QueryRowContext(t.Context(), "SELECT to_regclass('users')").Scan(&users); err != nil || users.Valid {
		t.Errorf("the database was changed: %v, %v", users, err)
	}
}

// A schema of a newer binary is served, and left as it is, if it says that it has all that this one needs.
func TestNewerSchemaIsServed(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	if _, err := Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	exec(t, db.Writer(), "INSERT INTO "+versionTable+" (version_id, is_applied) VALUES (99999, true)")
	for oldest, want := range map[int64]error{newest() - 1: nil, newest(): nil, newest() + 1: ErrNewerSchema} {
		exec(t, db.Writer(), "UPDATE schema_compatibility SET oldest = $1", oldest)
		if err := Check(t.Context(), db.Writer()); !errors.Is(err, want) {
			t.Errorf("check of a schema for binaries from %d on: %v, want %v", oldest, err, want)
		}
		if n, err := Up(t.Context(), db.Writer()); n != 0 || !errors.Is(err, want) {
			t.Errorf("up to a schema for binaries from %d on: %d, %v, want %v", oldest, n, err, want)
		}
		if steps, err := Status(t.Context(), db.Writer()); len(steps) != len(ownVersions())+1 || !errors.Is(err, want) {
			t.Errorf("status of a schema for binaries from %d on: %d steps, %v, want %v", oldest, len(steps), err, want)
		}
	}
	exec(t, db.Writer(), "UPDATE schema_compatibility SET oldest = $1", newest())
	exec(t, db.Writer(), "DELETE FROM "+versionTable+" WHERE version_id = 3")
	if err := Check(t.Context(), db.Writer()); !errors.Is(err, ErrPending) {
		t.Errorf("a schema that lacks a migration: %v", err)
	}
	exec(t, db.Writer(), "DROP TABLE schema_compatibility")
	if err := Check(t.Context(), db.Writer()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer schema that says nothing: %v", err)
	}
}

// changes is what ent would do to bring the database to its schema.
func changes(t *testing.T, db *sqldb.DB) string {
	t.Helper()
	describing.Lock()
	defer describing.Unlock()
	var b strings.Builder
	err := ent.NewClient(ent.Driver(db.Driver)).Schema.WriteTo(t.Context(), &b, schema.WithForeignKeys(false),
		schema.WithDropColumn(true), schema.WithDropIndex(true))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); line != "" && line != "BEGIN;" && line != "COMMIT;" && !strings.HasPrefix(line, "--") {
			out = append(out, line)
		}
	}
	return strings.Join(slices.DeleteFunc(out, func(line string) bool { return again(t, db, line, out) }), "\n")
}

var createIndex = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX "(\w+)" `)

// again reports whether a statement is one of two that make an index anew just as it is: PostgreSQL words
// conditions in its own way, so that ent takes it for another.
func again(t *testing.T, db *sqldb.DB, line string, all []string) bool {
	t.Helper()
	for _, create := range all {
		made := createIndex.FindStringSubmatch(create)
		if made == nil {
			continue
		}
		drop := fmt.Sprintf("DROP INDEX %q;", made[1])
		if !slices.Contains(all, drop) || (line != drop && line != create) {
			continue
		}
		exec(t, db.Writer(), strings.Replace(create, made[1], "as_described", 1))
		var is, described string
		const definitions = "SELECT pg_get_indexdef($1::regclass), pg_get_indexdef('as_described'::regclass)"
		err := db.Writer().QueryRowContext(t.Context(), definitions, made[1]).Scan(&is, &described)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db.Writer(), "DROP INDEX as_described")
		return is == strings.Replace(described, "as_described", made[1], 1)
	}
	return false
}

// The SQL files make the schema that ent's description has.
func TestMigratedSchemaIsEnts(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	if _, err := Up(t.Context(), db.Writer()); err != nil {
		t.Fatal(err)
	}
	if got := changes(t, db); got != "" {
		t.Errorf("ent would change it:\n%s", got)
	}
	// The comparison notices what is missing and what differs.
	for change, want := range map[string]string{
		"ALTER TABLE users DROP COLUMN bio":                                                    "bio",
		"ALTER TABLE tweets ADD COLUMN mood text NOT NULL DEFAULT ''":                          "mood",
		"DROP INDEX follows_followers":                                                         "follows_followers",
		"ALTER TABLE sessions ALTER COLUMN device_name SET NOT NULL":                           "device_name",
		"DROP INDEX reactions_of_user; ALTER TABLE reactions ALTER COLUMN kind TYPE text":      "kind",
		"ALTER TABLE user_stats ALTER COLUMN tweet_count DROP DEFAULT":                         "tweet_count",
		"DROP TABLE id_leases":                                                                 "id_leases",
		"DROP INDEX tweets_of_author; CREATE INDEX tweets_of_author ON tweets (author_id, id)": "tweets_of_author",
		`DROP INDEX events_of_home;
		CREATE INDEX events_of_home ON events (seq) WHERE type IN ('TweetPosted', 'TweetDeleted')`: "events_of_home",
	} {
		exec(t, db.Writer(), change)
		if got := changes(t, db); !strings.Contains(got, want) {
			t.Errorf("after %s ent would do only\n%s", change, got)
		}
	}
}

func TestSQLiteCreatesItself(t *testing.T) {
	t.Parallel()
	db := open(t, sqldb.Config{File: filepath.Join(t.TempDir(), "roost.db")})
	for range 2 {
		if err := CreateSQLite(t.Context(), db.Driver); err != nil {
			t.Fatal(err)
		}
		exec(t, db.Writer(), "INSERT INTO tweet_stats (tweet_id) VALUES ((SELECT count(*) FROM tweet_stats))")
	}
	if got := changes(t, db); got != "" {
		t.Errorf("ent would change it:\n%s", got)
	}
	var n int
	if err := db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM tweet_stats").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d rows are there, %v", n, err)
	}
}

// Several databases of one process are made at once.
func TestSQLiteIsCreatedBesideOthers(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 6 {
		db := open(t, sqldb.Config{File: filepath.Join(t.TempDir(), "roost.db")})
		all.Go(func() {
			if err := CreateSQLite(t.Context(), db.Driver); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
