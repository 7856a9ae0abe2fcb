package cluster

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testproc"
)

// upgraded is the next release: the same program with two migrations more, of which one needs a table for itself and
// the other takes long.
var upgraded = &rig.Program{Files: map[string]string{
	"ent/migrations/sql/09998_moods.sql": `-- roost: expand
-- +goose Up
ALTER TABLE tweets ADD COLUMN mood text NOT NULL DEFAULT '';
`,
	"ent/migrations/sql/09999_tweets_of_mood.sql": `-- roost: expand
-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS tweets_of_mood;
CREATE INDEX CONCURRENTLY tweets_of_mood ON tweets (mood);
`,
}}

// migrateUp starts `roost migrate up`; said returns its output so far.
func migrateUp(t *testing.T, bin, database string) (proc *testproc.Proc, said func() string) {
	t.Helper()
	home, err := testproc.NewHome("migrate", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := home.Remove(); err != nil {
			t.Error(err)
		}
	})
	proc, err = home.Start(testproc.Spec{Path: bin, Args: []string{"migrate", "up", "--database-url", database}, Log: "migrate.log"})
	if err != nil {
		t.Fatal(err)
	}
	return proc, func() string {
		text, err := os.ReadFile(home.Join("migrate.log"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// on is a cluster of some of the nodes, for a load.
func (c *cluster) on(nodes ...*rig.Process) *cluster {
	part := *c
	part.api = nodes
	return &part
}

// smooth ends a load, which must have met no error.
func (l *load) smooth(t *testing.T, when string) {
	t.Helper()
	l.end()
	if len(l.cut)+len(l.refused) > 0 {
		t.Errorf("%s %d requests got no answer and %d an error: %v %v", when, len(l.cut), len(l.refused), l.cut, l.refused)
	}
	t.Logf("%s: %s", when, l.summary(0))
}

// A release is rolled out and back again on a site in use: the migration runs beside a long read and beside everybody
// who writes, nodes of both releases serve the new schema, and no request fails.
func TestUpgradeOfALiveSite(t *testing.T) {
	t.Parallel()
	c := &cluster{bin: rig.Plain.Build(t)}
	next := upgraded.Build(t)
	c.config.DatabaseURL, c.config.RedisURL = apitest.Migrated(t), redistest.Start(t).URL()
	first, second, third := c.prepare(t, "api,worker"), c.prepare(t, "api,worker"), c.prepare(t, "api,worker")
	c.api = []*rig.Process{first, second, third}
	c.db = first.DB(t)
	c.start(t, first, second)
	ada := first.SignUp(t, "ada")
	socket := ada.Dial(t)
	home := rig.WatchHome(t, ada, socket)

	read := c.readTweets(t)
	l := c.on(first, second).post(t, 6, 10*time.Millisecond)
	migration, said := migrateUp(t, next, c.config.DatabaseURL)
	for tries := 1; tries <= 3; tries++ {
		apitest.Until(t, "the migration to try again", func() bool { return strings.Count(said(), "trying again") >= tries })
		l.more(t, 20)
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	<-migration.Exited()
	if err := migration.Err(); err != nil {
		t.Fatalf("%v: %s", err, said())
	}
	l.more(t, 20)
	l.smooth(t, "while the schema changes")

	// One node of each release.
	second.End(t, syscall.SIGTERM)
	c.bin = next
	c.start(t, third)
	newer := rig.UserOn(third.Roost, ada).Dial(t)
	l = c.on(first, third).post(t, 6, 10*time.Millisecond)
	l.more(t, 200)
	l.smooth(t, "with nodes of both releases")
	posted := rig.UserOn(third.Roost, ada).Tweet(t, "from the new release")
	rig.ExpectHome(t, home, "+"+posted)

	// And back: the old release starts on the new schema, and has nothing to migrate.
	c.bin = rig.Plain.Build(t)
	old, output := migrateUp(t, c.bin, c.config.DatabaseURL)
	<-old.Exited()
	if err := old.Err(); err != nil || !strings.Contains(output(), "0 migrations applied") {
		t.Errorf("the old release migrates: %v %s", err, output())
	}
	third.End(t, syscall.SIGTERM)
	if code := newer.Closed(t); code != 1012 {
		t.Errorf("the socket at the new release was closed with %d", code)
	}
	c.start(t, second)
	l = c.on(first, second).post(t, 6, 10*time.Millisecond)
	l.more(t, 200)
	l.smooth(t, "after the way back")
	rig.ExpectHome(t, home, "+"+rig.UserOn(second.Roost, ada).Tweet(t, "from the old release"))
	if socket.Err() != nil {
		t.Errorf("a socket at a node that was never stopped: %v", socket.Err())
	}
	rig.CheckRows(t, c.db)

	// A release later takes something away: nodes that need it leave the traffic.
	if _, err := c.db.Writer().ExecContext(t.Context(), "UPDATE schema_compatibility SET oldest = 9999"); err != nil {
		t.Fatal(err)
	}
	apitest.Until(t, "the old nodes to leave the traffic", func() bool {
		status, body := rig.Get(t, first.URL+"/readyz")
		return status == 503 && has(body, `"status":"unready"`, "newer schema")
	})
}

// readTweets reads all tweets in a transaction that stays open until the returned function ends it.
func (c *cluster) readTweets(t *testing.T) (end func() error) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: c.config.DatabaseURL + "&idle_in_transaction_session_timeout=0", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM tweets").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return tx.Commit
}
