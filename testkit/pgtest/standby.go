package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"roost/testkit/testproc"
)

// Standby starts a hot standby that follows the cluster asynchronously, as pg_basebackup makes it. It is stopped and
// removed when the test ends.
func (c *Cluster) Standby() *Cluster {
	c.t.Helper()
	s, err := c.c.standby()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := s.home.Remove(); err != nil {
			c.t.Error(err)
		}
	})
	return &Cluster{t: c.t, c: s}
}

// Promote makes a standby a primary of its own: it takes writes when this returns.
func (c *Cluster) Promote() {
	c.t.Helper()
	if err := c.c.ask(func(ctx context.Context, db *sql.DB) error {
		var promoted bool
		err := db.QueryRowContext(ctx, "SELECT pg_promote(true, $1)", int(startTime.Seconds())).Scan(&promoted)
		if err == nil && !promoted {
			err = errors.New("it takes too long")
		}
		return err
	}); err != nil {
		c.t.Fatalf("promote the standby: %v", err)
	}
}

// StopFollowing cuts a standby off from its primary. The standby keeps the data that it has, and has nothing newer when it is
// promoted.
func (c *Cluster) StopFollowing() {
	c.t.Helper()
	err := c.c.ask(func(ctx context.Context, db *sql.DB) error {
		for _, q := range []string{"ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()"} {
			if _, err := db.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return untilTrue(ctx, db, "SELECT count(*) = 0 FROM pg_stat_wal_receiver")
	})
	if err != nil {
		c.t.Fatalf("cut the standby off: %v", err)
	}
}

// CatchUp waits until a standby shows everything that its primary has committed by now.
func (c *Cluster) CatchUp(primary *Cluster) {
	c.t.Helper()
	var at string
	err := primary.c.ask(func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT pg_current_wal_lsn()").Scan(&at)
	})
	if err == nil {
		err = c.c.ask(func(ctx context.Context, db *sql.DB) error {
			return untilTrue(ctx, db, "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", at)
		})
	}
	if err != nil {
		c.t.Fatalf("wait for the standby: %v", err)
	}
}

// untilTrue asks again and again until the answer is true.
func untilTrue(ctx context.Context, db *sql.DB, query string, args ...any) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var yes bool
		if err := db.QueryRowContext(ctx, query, args...).Scan(&yes); err != nil || yes {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// standby makes and starts a copy of a running server that follows it.
func (c *cluster) standby() (*cluster, error) {
	home, err := testproc.NewHome("postgres", "QUIT")
	if err != nil {
		return nil, err
	}
	s := &cluster{home: home, user: c.user, bin: c.bin, args: c.args}
	if err := s.follow(c); err != nil {
		return nil, errors.Join(err, home.Remove())
	}
	return s, nil
}

func (c *cluster) follow(primary *cluster) (err error) {
	if err := c.makeData(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	err = c.home.Run(ctx, testproc.Spec{
		Path: filepath.Join(c.bin, "pg_basebackup"),
		User: c.user,
		Args: []string{"-D", c.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(primary.port), "-U", superuser, "-w",
			"--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync"},
	})
	if err != nil {
		return fmt.Errorf("copy the primary: %w", err)
	}
	return c.startAnywhere()
}

// makeData makes an empty data directory for the server's user.
func (c *cluster) makeData() error {
	if err := os.Mkdir(c.data(), 0o700); err != nil {
		return fmt.Errorf("create a cluster: %w", err)
	}
	if c.user != nil {
		if err := os.Chown(c.data(), int(c.user.Uid), int(c.user.Gid)); err != nil {
			return fmt.Errorf("create a cluster: %w", err)
		}
	}
	return nil
}

// ask runs something on a connection of the superuser's.
func (c *cluster) ask(fn func(ctx context.Context, db *sql.DB) error) (err error) {
	db, err := sql.Open("postgres", c.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return fn(ctx, db)
}
