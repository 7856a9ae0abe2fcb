package heat

import (
	"slices"
	"testing"
	"time"

	"roost/internal/clock"
)

// The hottest keys of a window are known when it is over, until the next one is. Keys beyond the limit are not counted.
func TestTop(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC))
	m := New(now.Now)
	m.Add(60, 1, 2, 3)
	m.Add(120, 2)
	if got := m.Top(2); len(got) != 0 {
		t.Errorf("within the first window the top is %v", got)
	}
	now.Add(Window)
	want := []Hot{{2, 3}, {3, 1}}
	if got := m.Top(2); !slices.Equal(got, want) {
		t.Errorf("the top is %v, want %v", got, want)
	}
	m.Add(60, 7)
	if got := m.Top(2); !slices.Equal(got, want) {
		t.Errorf("in the next window the top is %v, want %v", got, want)
	}
	now.Add(Window)
	for k := range int64(MaxKeys) {
		m.Add(60, k)
	}
	m.Add(600, -1)
	m.Add(60, 5)
	if got := m.Top(9); !slices.Equal(got, []Hot{{7, 1}}) {
		t.Errorf("the top is %v", got)
	}
	now.Add(Window + time.Second)
	if got := m.Top(MaxKeys + 1); len(got) != MaxKeys || got[0] != (Hot{5, 2}) {
		t.Errorf("%d keys were counted, the first is %v", len(got), got[0])
	}
	now.Add(5 * Window)
	if got := m.Top(9); len(got) != 0 {
		t.Errorf("after a long time the top is %v", got)
	}
}
