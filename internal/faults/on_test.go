//go:build faults

package faults

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got := parse("a:kill,b:kill:7,c:hold:20ms,d:hold:1s:2,")
	if len(got) != 4 || got["a"].left.Load() != 1 || got["b"].left.Load() != 7 || got["c"].hold != 20*time.Millisecond || got["c"].most ||
		got["d"].hold != time.Second || !got["d"].most || got["d"].left.Load() != 2 {
		t.Errorf("got %v", got)
	}
	for _, bad := range []string{"a", "a:die", "a:kill:x", "a:hold", "a:hold:long", "a:hold:1s:x", "a:hold:1s:1:1", "a:kill:1:2"} {
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
