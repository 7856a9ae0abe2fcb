package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"roost/app"
)

// answerVariable is the environment variable with the answer of servePlain.
const answerVariable = "FLOOR_ANSWER"

// serveRoost runs a node with embedded stores until ctx ends. It prints the addresses of the API and of the admin handlers.
func serveRoost(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "roost-floor-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var c app.Config
	flags := flag.NewFlagSet("roost", flag.ContinueOnError)
	c.ServeFlags(flags)
	args := []string{"-addr=127.0.0.1:0", "-admin-addr=127.0.0.1:0", "-demo=false", "-data-dir=" + dir}
	if err := c.Parse(flags, args); err != nil {
		return err
	}
	a, err := app.New(ctx, c)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	fmt.Println(a.Addr(), a.AdminAddr())
	<-ctx.Done()
	err = a.Stop(context.WithoutCancel(ctx))
	_ = a.Close()
	return err
}

// servePlain runs the handler that Roost is compared with: it reads the body, and returns the bytes that the
// environment contains.
func servePlain(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	answer := []byte(os.Getenv(answerVariable))
	length := strconv.Itoa(len(answer))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", length)
		_, _ = w.Write(answer)
	})}
	fmt.Println(l.Addr(), "-")
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
