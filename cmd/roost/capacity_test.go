package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestCapacityRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"capacity", "--reads=-1"}, 2, "--reads must be 1 to 1,000,000,000, not -1 (see `roost capacity --help`)"},
		{[]string{"capacity", "--users=many"}, 2, "invalid value"},
		{[]string{"capacity", "now"}, 2, "capacity takes no arguments"},
		{[]string{"capacity"}, 2, "name the figures with --figures"},
		{[]string{"capacity", "--figures=none.json"}, 1, "--figures: open none.json"},
	} {
		p := start(t, nil, c.args...)
		if code := p.wait(t); code != c.code || !strings.Contains(p.stderr.String(), c.want) || p.out.String() != "" {
			t.Errorf("%q: %d %s%s", c.args, code, p.stderr.String(), p.out.String())
		}
	}
	if err := capacityCommand(t.Context(), []string{"--figures", t.TempDir()}, &bytes.Buffer{}); err == nil || errors.Is(err, errUsage) {
		t.Errorf("a directory is no file of figures: %v", err)
	}
}
