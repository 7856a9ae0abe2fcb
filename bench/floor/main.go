// Command floor measures how much processor time Roost's server needs for a request that needs no store, as a multiple of a plain
// net/http handler that reads the same body and returns the same bytes. Each of the two servers is a process of its own, over
// connections that are kept open. Rounds alternate, so what else the machine does affects both alike.
//
//	go run ./bench/floor
//	go run ./bench/floor -op limits -rounds 10
//	go run ./bench/floor -profile out   # Roost's profiles while it serves
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// operations are the documents that can be measured, by name.
var operations = map[string]string{
	"typename": `{ __typename }`,
	"limits":   `query Limits { limits { tweetLength pageSize batchSize usernameLength nameLength bioLength } }`,
}

// settings are the flags.
type settings struct {
	serve, op, profile string
	persisted          bool
	rounds, conns      int
	each               time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var s settings
	f := flag.NewFlagSet("floor", flag.ContinueOnError)
	f.StringVar(&s.serve, "serve", "", "serve as `roost` or `plain`; the program starts itself this way")
	f.StringVar(&s.op, "op", "typename", "the `operation`: typename or limits")
	f.BoolVar(&s.persisted, "persisted", false, "send the hash of the document instead of its text")
	f.IntVar(&s.rounds, "rounds", 8, "rounds of each server")
	f.IntVar(&s.conns, "conns", 8, "connections")
	f.DurationVar(&s.each, "each", 2*time.Second, "length of a round")
	f.StringVar(&s.profile, "profile", "", "write profiles of Roost to `file`.profile and .allocs instead of comparing")
	if err := f.Parse(args); err != nil {
		return err
	}
	if operations[s.op] == "" {
		return fmt.Errorf("there is no operation %q", s.op)
	}
	if s.serve == "" {
		return measure(ctx, s)
	}
	ctx, end := context.WithCancel(ctx)
	go func() { // until the parent closes it, or is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	switch s.serve {
	case "roost":
		return serveRoost(ctx)
	case "plain":
		return servePlain(ctx)
	}
	return fmt.Errorf("-serve is roost or plain, not %q", s.serve)
}

// body returns the body of the request. A persisted one is preceded by one with the text, which register is.
func (s settings) body() (body, register string) {
	text := operations[s.op]
	full := fmt.Sprintf(`{"query":%q}`, text)
	if !s.persisted {
		return full, full
	}
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	extensions := fmt.Sprintf(`"extensions":{"persistedQuery":{"version":1,"sha256Hash":%q}}`, hash)
	return "{" + extensions + "}", fmt.Sprintf(`{"query":%q,%s}`, text, extensions)
}
