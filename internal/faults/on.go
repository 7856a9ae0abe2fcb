//go:build faults

package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Env names the variable that says what happens where.
const Env = "ROOST_FAULT"

// fault is what happens at a place: a wait, or death when left has come down to 0.
type fault struct {
	hold time.Duration
	left atomic.Int64
}

var faults = parse(os.Getenv(Env))

// parse panics on what it does not understand: a test that asks for a fault must get it.
func parse(list string) map[string]*fault {
	all := map[string]*fault{}
	for entry := range strings.SplitSeq(list, ",") {
		if entry == "" {
			continue
		}
		part := strings.Split(entry, ":")
		if len(part) == 2 {
			part = append(part, "1")
		}
		f := &fault{}
		var err error
		switch {
		case len(part) == 3 && part[1] == "kill":
			var n int
			n, err = strconv.Atoi(part[2])
			f.left.Store(int64(n))
		case len(part) == 3 && part[1] == "hold":
			f.hold, err = time.ParseDuration(part[2])
		default:
			err = fmt.Errorf("want name:kill, name:kill:times or name:hold:duration")
		}
		if err != nil {
			panic(fmt.Sprintf("%s: %q: %v", Env, entry, err))
		}
		all[part[0]] = f
	}
	return all
}

// At does at a place what ROOST_FAULT says.
func At(name string) {
	f := faults[name]
	switch {
	case f == nil:
	case f.hold > 0:
		time.Sleep(f.hold)
	case f.left.Add(-1) == 0:
		die()
	}
}

// die ends the process without a chance to tidy up, and never returns.
func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}
