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

// fault is what happens at a place. The process dies when left has come down to 0, or it waits: left times if most is set,
// otherwise each time.
type fault struct {
	hold time.Duration
	most bool
	left atomic.Int64
}

var faults = parse(os.Getenv(Env))

// parse panics if the list is not valid, because a test that asks for a fault must get it.
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
		case (len(part) == 3 || len(part) == 4) && part[1] == "hold":
			f.hold, err = time.ParseDuration(part[2])
			if len(part) == 4 && err == nil {
				var n int
				n, err = strconv.Atoi(part[3])
				f.most = true
				f.left.Store(int64(n))
			}
		default:
			err = fmt.Errorf("want name:kill, name:kill:times, name:hold:duration or name:hold:duration:times")
		}
		if err != nil {
			panic(fmt.Sprintf("%s: %q: %v", Env, entry, err))
		}
		all[part[0]] = f
	}
	return all
}

// At runs the fault that ROOST_FAULT names for a place, if there is one.
func At(name string) {
	f := faults[name]
	switch {
	case f == nil:
	case f.hold > 0:
		if f.most && f.left.Add(-1) < 0 {
			return
		}
		if f.most { // a test may wait for this
			fmt.Fprintf(os.Stderr, "held at %s\n", name)
		}
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
