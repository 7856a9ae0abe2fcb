package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"roost/app"
	"roost/internal/buildinfo"
	"roost/internal/requestid"
	"roost/server"
)

func serve(ctx context.Context, args []string, out io.Writer) error {
	var c app.Config
	f := flags("serve", "[flags]")
	c.ServeFlags(f)
	if err := c.Parse(f, args); err != nil {
		return badFlags(f, err)
	}
	if f.NArg() > 0 {
		return badFlags(f, fmt.Errorf("serve takes no arguments, only flags: %q", f.Arg(0)))
	}
	if err := c.Check(); err != nil {
		return badFlags(f, err)
	}
	slog.SetDefault(slog.New(requestid.Handler(logHandler(c.LogFormat, os.Stderr))))
	app.LimitMemory()
	node, err := app.New(ctx, c)
	if err != nil {
		return err
	}
	if err := node.Start(ctx); err != nil {
		if ctx.Err() != nil { // the signal came while the node waited for its stores
			slog.Info("stopped before the start was complete")
			err = nil
		}
		return errors.Join(err, node.Close())
	}
	banner(out, node)
	<-ctx.Done()
	slog.Info("stopping")
	err = node.Stop(context.WithoutCancel(ctx))
	return errors.Join(err, node.Close())
}

// logHandler returns a handler that writes log lines in a format of --log-format.
func logHandler(format string, w io.Writer) slog.Handler {
	if format == "json" {
		return slog.NewJSONHandler(w, nil)
	}
	return slog.NewTextHandler(w, nil)
}

func banner(out io.Writer, node *app.App) {
	here := server.PublicURL(node.Addr().String())
	switch public := node.Config.PublicURL; {
	case !node.Config.Has("api"):
		fmt.Fprintf(out, "\n  This Roost only works in the background; its health is at %s/readyz\n", here)
	case node.Config.OwnURL():
		fmt.Fprintf(out, "\n  Roost is at %s/\n", public)
	default:
		fmt.Fprintf(out, "\n  Roost is at %s/, on this machine at %s/\n", public, here)
	}
	if pages := node.Pages(node.Config.PublicURL); pages != "" {
		fmt.Fprintf(out, "  %s\n", pages)
	}
	fmt.Fprintf(out, "  Stores: %s\n", node.Stores())
	if a := node.AdminAddr(); a != nil {
		fmt.Fprintf(out, "  Charts: http://%[1]s/, metrics and profiles: http://%[1]s/metrics\n", a)
	}
	fmt.Fprint(out, node.Greeting(), "\n")
}

func healthcheck(ctx context.Context, args []string, out io.Writer) error {
	var c app.Config
	f := flags("healthcheck", "[flags]")
	c.ServeFlags(f)
	ready := f.Bool("ready", false, "check whether the node should get traffic, not only whether it is alive")
	if err := c.Parse(f, args); err != nil {
		return badFlags(f, err)
	}
	if f.NArg() > 0 {
		return badFlags(f, fmt.Errorf("healthcheck takes no arguments, only flags: %q", f.Arg(0)))
	}
	host, port, err := app.SplitAddr(c.Addr)
	if err != nil {
		return badFlags(f, fmt.Errorf("--addr: %w", err))
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	path, fault := "/healthz", "the node is not healthy"
	if *ready {
		path, fault = "/readyz", "the node is not ready"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(out, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", fault, res.Status)
	}
	return nil
}

func version(_ context.Context, args []string, out io.Writer) error {
	f := flags("version", "")
	if err := f.Parse(args); err != nil {
		return badFlags(f, err)
	}
	if f.NArg() > 0 {
		return badFlags(f, fmt.Errorf("version takes no arguments: %q", f.Arg(0)))
	}
	_, err := fmt.Fprintln(out, buildinfo.Get())
	return err
}
