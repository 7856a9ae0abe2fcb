package rig

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/testkit/testproc"
)

// Target is one of the two servers with its stores.
type Target struct {
	Name string
	// Addr is host:port of the server. Admin is host:port of its metrics and profiles; it is empty for the baseline. Both
	// change with a restart.
	Addr, Admin string
	// Uncached makes Roost read everything from SQL, from its next start on.
	Uncached bool
	// Budgets makes Roost charge callers for what they ask, from its next start on. The budgets are so large that none is spent.
	Budgets bool
	// Patient makes Roost let requests wait for up to 10 s before it refuses them, from its next start on. So a busy machine makes
	// answers late and ends no measurement.
	Patient bool
	// DB is the target's database, for looking at it.
	DB *sql.DB

	rig                   *Rig
	databaseURL, redisURL string
	redis                 int // process id
	proc                  *testproc.Proc
}

// connect opens the target's database.
func (t *Target) connect() (err error) {
	if t.DB, err = sql.Open("postgres", t.databaseURL); err == nil {
		t.DB.SetMaxIdleConns(1)
	}
	return err
}

// How long a server may take to answer and to end.
const (
	startTime = 20 * time.Second
	stopTime  = 20 * time.Second
)

// Stop ends the server if it runs. Its stores stay as they are.
func (t *Target) Stop() error {
	if t.proc == nil {
		return nil
	}
	err := t.proc.End(syscall.SIGTERM, stopTime)
	t.proc = nil
	return err
}

// Restart ends the server if it runs, and starts it anew. Its stores stay as they are.
func (t *Target) Restart(ctx context.Context) error {
	if err := t.Stop(); err != nil {
		return err
	}
	var err error
	for range 3 { // somebody may take the port first
		if err = t.start(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (t *Target) start(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	spec := testproc.Spec{Path: t.rig.home.Join(t.Name), Log: t.Name + ".log",
		Args: []string{"--addr", addr, "--database-url", t.databaseURL, "--redis-url", t.redisURL}}
	if t == t.rig.Roost {
		if t.Admin, err = freeAddr(); err != nil {
			return err
		}
		if t.Patient {
			spec.Args = append([]string{"--queue-wait=10s"}, spec.Args...)
		}
		budget := "0"
		if t.Budgets {
			budget = "50000000"
		}
		spec.Args = append([]string{"serve", "--budget", budget, "--budget-address", budget, "--admin-addr", t.Admin,
			"--read-cache=" + strconv.FormatBool(!t.Uncached),
			"--sign-in-per-address=0"}, spec.Args...) // all viewers sign in from one
	}
	proc, err := t.rig.home.Start(spec)
	if err != nil {
		return err
	}
	err = proc.WaitReady(startTime, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if err := res.Body.Close(); err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", res.Status)
		}
		return nil
	})
	if err != nil {
		_ = proc.End(syscall.SIGKILL, stopTime)
		return err
	}
	t.proc, t.Addr = proc, addr
	return nil
}

// Log is the end of what the server wrote.
func (t *Target) Log() string {
	if t.proc == nil {
		return ""
	}
	return t.proc.LogTail()
}

// Redis connects to the target's Redis.
func (t *Target) Redis() (*redis.Client, error) {
	o, err := redis.ParseURL(t.redisURL)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(o), nil
}
