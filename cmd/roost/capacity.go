package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"roost/app"
	"roost/internal/capacity"
)

// capacityCommand runs `roost capacity`.
func capacityCommand(_ context.Context, args []string, out io.Writer) error {
	var c app.Config
	var in capacity.Input
	f := flags("capacity", "[flags]")
	in.Flags(f)
	file := f.String("figures", "", "`file` that the bench has written; must be set")
	if err := c.Parse(f, args); err != nil {
		return badFlags(f, err)
	}
	if f.NArg() > 0 {
		return badFlags(f, fmt.Errorf("capacity takes no arguments, only flags: %q", f.Arg(0)))
	}
	if err := in.Check(); err != nil {
		return badFlags(f, err)
	}
	if *file == "" {
		return badFlags(f, errors.New("name the figures with --figures; `go run ./bench -ops "+capacity.Operations+"` measures them"))
	}
	figures, err := capacity.Read(*file)
	if err != nil {
		return fmt.Errorf("--figures: %w", err)
	}
	return capacity.Print(out, in, figures, "`"+*file+"`")
}
