package main

import (
	"testing"
	"time"
)

func TestShortLeavesWhatIsGiven(t *testing.T) {
	t.Parallel()
	s, _, err := parse([]string{"-short", "-rounds", "2", "-viewers", "40"})
	if err != nil || s.Rounds != 2 || s.Viewers != 40 || s.Sockets != short.Sockets || s.Duration != short.Duration {
		t.Errorf("%+v, %v", s, err)
	}
	if s, _, err := parse(nil); err != nil || s.Rounds != 5 || s.Duration != 3*time.Second || !s.wants("viral") || !s.puts("open") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestWrongSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-ops", "home,nothing"}, {"-loads", "half"}, {"-rounds", "0"}, {"-conns", "300"}, {"-profile", "dir"}, {"-rate", "-1"},
	} {
		if _, _, err := parse(args); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}
