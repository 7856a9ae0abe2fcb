package policies

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
	"roost/testkit/redistest"
)

// envWriter makes this test binary a process that writes with a policy until it is killed: the policy's name.
// The stores are in the two others.
const envWriter, envDatabase, envRedis = "POLICIES_WRITER", "POLICIES_DATABASE", "POLICIES_REDIS"

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if name := os.Getenv(envWriter); name != "" {
		if err := writeForever(context.Background(), name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// killedKeys is how many keys such a process writes, one after the other, each once.
const killedKeys = 100_000

// writeForever writes each key once and prints a line for each acknowledgement.
func writeForever(ctx context.Context, name string) error {
	db, err := sqldb.Open(ctx, sqldb.Config{URL: os.Getenv(envDatabase), MaxConns: 4})
	if err != nil {
		return err
	}
	way := Ways[slices.IndexFunc(Ways, func(w Way) bool { return w.Name == name })]
	t := &table{db: db, commits: map[int64]commit{}}
	p, err := way.open(node{table: t, redis: os.Getenv(envRedis), flush: time.Hour})
	if err != nil {
		return err
	}
	for key := int64(1); key <= killedKeys; key++ {
		if err := p.Write(ctx, key, key); err != nil {
			return err
		}
		fmt.Println(key)
	}
	select {}
}

// Write-behind loses what it has acknowledged and not written when its process is killed; the others lose nothing.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	for _, way := range Ways {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			url, rdb := pgtest.URL(t), redistest.Start(t).URL()
			db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url, MaxConns: 2})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			if _, err := newTable(t.Context(), db, killedKeys); err != nil {
				t.Fatal(err)
			}
			const acknowledgements = 50
			acked := killAfter(t, acknowledgements, envWriter+"="+way.Name, envDatabase+"="+url, envRedis+"="+rdb)
			var rows int
			if err := db.Writer().QueryRowContext(t.Context(),
				`SELECT count(*) FROM policy_rows WHERE key <= $1 AND change = key`, acked).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			want := 0
			if way.Name == "write-behind" {
				want = acked
			}
			if lost := acked - rows; lost != want {
				t.Errorf("%d of %d acknowledged writes are lost, want %d", lost, acked, want)
			}
		})
	}
}

// killAfter starts a writer, kills it after some lines, and returns how many there are in all.
func killAfter(t *testing.T, lines int, env ...string) (n int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(cmd.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for read := bufio.NewScanner(out); read.Scan(); {
		if n++; n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if n < lines {
		t.Fatalf("the writer ended after %d acknowledgements", n)
	}
	return n
}
