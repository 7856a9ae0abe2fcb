package main

import (
	"testing"
	"time"

	"roost/bench/ops"
)

func TestShortLeavesWhatIsGiven(t *testing.T) {
	t.Parallel()
	s, _, err := parse([]string{"-short", "-rounds", "2", "-viewers", "40"})
	if err != nil || s.Rounds != 2 || s.Viewers != 40 || s.Sockets != short.Sockets || s.Crowd != short.Crowd || s.Duration != short.Duration {
		t.Errorf("%+v, %v", s, err)
	}
	if s, _, err := parse(nil); err != nil || s.Rounds != 5 || s.Duration != 3*time.Second || !s.wants("viral") || !s.puts("open") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestWrongSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-ops", "home,nothing"}, {"-loads", "quarter"}, {"-rounds", "0"}, {"-conns", "300"}, {"-share", "1.5"},
		{"-profile", "dir"}, {"-rate", "-1"},
		{"-profile", "dir", "-ops", "log"}, {"-posts", "0"}, {"-crowd", "1"},
	} {
		if _, _, err := parse(args); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func TestRoomForSockets(t *testing.T) {
	t.Parallel()
	viewers := make([]ops.Viewer, 3)
	if err := room(3*perUser, viewers); err != nil {
		t.Error(err)
	}
	if err := room(3*perUser+1, viewers); err == nil {
		t.Error("a viewer has more sockets than Roost allows")
	}
}
