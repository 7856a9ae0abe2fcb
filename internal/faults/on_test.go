//go:build faults

package faults

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got := parse("a:kill,b:kill:7,c:hold:20ms,")
	if len(got) != 3 || got["a"].left.Load() != 1 || got["b"].left.Load() != 7 || got["c"].hold != 20*time.Millisecond {
		t.Errorf("got %v", got)
	}
	for _, bad := range []string{"a", "a:die", "a:kill:x", "a:hold", "a:hold:long", "a:kill:1:2"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is understood", bad)
				}
			}()
			parse(bad)
		}()
	}
}
