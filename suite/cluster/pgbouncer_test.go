//go:build proxies

package cluster

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/testlog"
	"roost/testkit/testproc"
)

// pgbouncer is the program, and the oldest version of it that keeps track of prepared statements.
var pgbouncer = struct {
	bin       string
	trackedBy []int
}{"pgbouncer", []int{1, 21}}

// findPgBouncer returns the program, and whether it keeps track of prepared statements.
func findPgBouncer(t *testing.T) (bin string, tracks bool) {
	t.Helper()
	bin = os.Getenv("ROOST_TEST_PGBOUNCER")
	if bin == "" {
		var err error
		if bin, err = exec.LookPath(pgbouncer.bin); err != nil {
			bin = filepath.Join("/usr/sbin", pgbouncer.bin)
		}
	}
	out, err := exec.Command(bin, "--version").Output()
	m := regexp.MustCompile(`PgBouncer (\d+)\.(\d+)`).FindStringSubmatch(string(out))
	if err != nil || m == nil {
		t.Fatalf("%s --version: %v: %q (PgBouncer is needed)", bin, err, out)
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return bin, major > pgbouncer.trackedBy[0] || major == pgbouncer.trackedBy[0] && minor >= pgbouncer.trackedBy[1]
}

// poolOf is how many sessions PgBouncer shares among all connections of a node, so that sessions change hands all the time.
const poolOf = 2

// startPgBouncer runs PgBouncer in transaction pooling mode in front of a database, as docs/operating.md describes, with more settings.
// It returns the URL of the database behind it.
func startPgBouncer(t *testing.T, bin, database, ignored string, settings ...string) string {
	t.Helper()
	home, err := testproc.NewHome("pgbouncer", "INT")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = home.Remove() })
	user, err := testproc.Unprivileged("postgres")
	if err != nil {
		t.Fatal(err)
	}
	port, err := testproc.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	config := append([]string{"[databases]",
		fmt.Sprintf("roost = host=%s port=%s dbname=%s user=%s", u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username()),
		"[pgbouncer]", "listen_addr = 127.0.0.1", fmt.Sprintf("listen_port = %d", port), "unix_socket_dir =", "auth_type = any",
		"pool_mode = transaction", fmt.Sprintf("default_pool_size = %d", poolOf), "max_client_conn = 500",
		"ignore_startup_parameters = jit, idle_in_transaction_session_timeout, client_connection_check_interval, statement_timeout" + ignored,
	}, settings...)
	// PgBouncer may have to run as another user, who reads this file.
	if err := os.WriteFile(home.Join("pgbouncer.ini"), []byte(strings.Join(config, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	proc, err := home.Start(testproc.Spec{Path: bin, Args: []string{home.Join("pgbouncer.ini")}, User: user, Log: "pgbouncer.log"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("PgBouncer said\n%s", proc.LogTail())
		}
	})
	u.Host, u.Path = fmt.Sprintf("127.0.0.1:%d", port), "/roost"
	err = proc.WaitReady(apitest.Patience, func(ctx context.Context) error {
		db, err := sqldb.Open(ctx, sqldb.Config{URL: u.String(), MaxConns: 1})
		if err != nil {
			return err
		}
		return db.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// preparedBehind counts the prepared statements of all sessions that PgBouncer shares.
func preparedBehind(t *testing.T, url string) (n int) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url, MaxConns: poolOf})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for range poolOf { // each transaction keeps a session to itself until the end
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		var in int
		if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&in); err != nil {
			t.Fatal(err)
		}
		n += in
	}
	return n
}

// Behind PgBouncer in transaction pooling mode every answer is right. Unless --database-prepare=on says that PgBouncer keeps track
// of prepared statements, nothing is prepared, and one line of the log reports that.
func TestProxiesPgBouncer(t *testing.T) { // not parallel: it captures the log
	bin, tracks := findPgBouncer(t)
	apitest.New(t, apitest.Embedded).Stop() // the first node of a process silences the log
	type setup struct {
		name, prepare, ignored string
		settings               []string
		prepares               bool
		lines                  int
	}
	cases := []setup{
		{name: "auto", prepare: "auto", lines: 1},
		{name: "auto, and PgBouncer ignores the mark", prepare: "auto", ignored: ", roost.session, plan_cache_mode", lines: 1},
		{name: "off", prepare: "off"},
	}
	if tracks {
		cases = append(cases,
			setup{name: "auto, none tracked", prepare: "auto", settings: []string{"max_prepared_statements = 0"}, lines: 1},
			setup{name: "on, tracked", prepare: "on", settings: []string{"max_prepared_statements = 200"}, prepares: true},
			setup{name: "on, few tracked", prepare: "on", settings: []string{"max_prepared_statements = 5"}, prepares: true})
	} else {
		t.Logf("%s keeps no track of prepared statements, so --database-prepare=on is not tested", bin)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			log := testlog.Of(func() {
				behind := startPgBouncer(t, bin, apitest.Migrated(t), c.ignored, c.settings...)
				r := apitest.New(t, apitest.Server, func(a *app.Config) { a.DatabaseURL, a.DatabasePrepare = behind, c.prepare })
				beBusy(t, newUsers(t, r, "user"), 25)
				if n := preparedBehind(t, behind); (n > 0) != c.prepares {
					t.Errorf("%d statements are prepared", n)
				}
				r.Stop()
			})
			testlog.Count(t, log, "behind a pooler", c.lines)
			testlog.Count(t, log, "vanish again and again", 0)
		})
	}
}
