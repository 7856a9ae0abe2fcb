package main

import (
	"math"
	"testing"
	"time"

	"roost/bench/load"
	"roost/bench/report"
)

// anOutage lasts from second 3 to second 8 of 12; requests count from second 1 on.
func anOutage() outageSpan {
	start := time.Unix(1_000_000, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	return outageSpan{start: start, settled: at(1), stopped: at(3), back: at(8), end: at(12)}
}

// requests are 100 a second; end returns how the one that is due after some time ends.
func requests100(s outageSpan, end func(after time.Duration) (time.Duration, load.Ending)) *load.Outcome {
	out := &load.Outcome{}
	for after := time.Duration(0); after < s.end.Sub(s.start); after += 10 * time.Millisecond {
		took, ending := end(after)
		out.Events = append(out.Events, load.Event{Due: s.start.Add(after), Took: took, Ending: ending})
	}
	return out
}

func within(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

func TestRequestsOfAnOutageAreSummedUp(t *testing.T) {
	t.Parallel()
	s := anOutage()
	k := s.weathered("home", load.Offer{Rate: 100}, requests100(s, func(after time.Duration) (time.Duration, load.Ending) {
		switch {
		case after < time.Second:
			return 900 * time.Millisecond, load.Good // before the load has settled: counts for nothing
		case after < 3*time.Second:
			return 8 * time.Millisecond, load.Good
		case after < 4*time.Second:
			return 5 * time.Millisecond, load.Broken
		case after < 8*time.Second:
			return 20 * time.Millisecond, load.Refused
		default:
			return 8 * time.Millisecond, load.Late
		}
	}))
	if !within(k.P99Before, 8, .01) || k.P99During != report.Never || k.Refused != 400 || k.Broken != 100 || k.During != 0 ||
		!within(k.Before, 100+45, .02) || !within(k.After, 100, .02) || k.Rate != 100 {
		t.Errorf("%+v", k)
	}
	if len(k.Series) != 120 || k.Series[15] != 10+9 && k.Series[15] != 10+10 || k.Series[50] != 0 || k.Series[90] != 10 {
		t.Errorf("%v", k.Series)
	}
}

// One request in a hundred may be refused; the slowest of the others are then the last percent.
func TestP99CountsRefusalsAsSlowest(t *testing.T) {
	t.Parallel()
	all := make([]load.Event, 1000)
	for i := range all {
		all[i] = load.Event{Took: time.Duration(i+1) * time.Millisecond}
	}
	if got := p99(all); !within(got, 990, .01) {
		t.Errorf("p99 is %v, want 990", got)
	}
	for i := range 10 {
		all[i*100].Ending = load.Refused
	}
	if got := p99(all); !within(got, 1000, .01) {
		t.Errorf("with ten refusals p99 is %v, want 1000", got)
	}
	all[7].Ending = load.Broken
	if got := p99(all); got != report.Never {
		t.Errorf("with eleven failures p99 is %v", got)
	}
	if got := p99(nil); got != report.Never {
		t.Errorf("of nothing p99 is %v", got)
	}
}

func TestShedding(t *testing.T) {
	t.Parallel()
	s := anOutage()
	out := requests100(s, func(after time.Duration) (time.Duration, load.Ending) {
		switch {
		case after < 3*time.Second || after >= 8*time.Second:
			return 10 * time.Second, load.Refused // not in the outage
		case after < 3200*time.Millisecond:
			return 9 * time.Second, load.Good // waits for the end of the outage, and is answered
		case after == 7*time.Second:
			return 9 * time.Second, load.Refused // one in 480
		default:
			return 40 * time.Millisecond, load.Refused
		}
	})
	if p99, held := s.shed(out.Events); !within(p99, 40, .01) || held != 21 {
		t.Errorf("refused within %v ms, %d held; want 40 and 21: those of the beginning and one of the end", p99, held)
	}
}

// Requests that wait for some time each are as many at one time as become due meanwhile.
func TestHeldRequestsAreThoseAtOneTime(t *testing.T) {
	t.Parallel()
	s := anOutage()
	out := requests100(s, func(time.Duration) (time.Duration, load.Ending) { return 400 * time.Millisecond, load.Refused })
	if p99, held := s.shed(out.Events); !within(p99, 400, .01) || held != 30 {
		t.Errorf("refused within %v ms, %d held; want 400 and 30", p99, held)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	s := anOutage()
	for name, c := range map[string]struct {
		want float64
		end  func(sinceBack time.Duration) (time.Duration, load.Ending)
	}{
		"at once":  {0, func(time.Duration) (time.Duration, load.Ending) { return time.Millisecond, load.Good }},
		"refusing": {report.Never, func(time.Duration) (time.Duration, load.Ending) { return time.Millisecond, load.Refused }},
		"after 0.7 s": {700, func(since time.Duration) (time.Duration, load.Ending) {
			if since < 700*time.Millisecond {
				return time.Millisecond, load.Refused
			}
			return time.Millisecond, load.Good
		}},
		"only half of it": {report.Never, func(since time.Duration) (time.Duration, load.Ending) {
			return time.Millisecond, load.Ending(since / (10 * time.Millisecond) % 2 * time.Duration(load.Refused))
		}},
		// A burst of requests that waited for PostgreSQL is no throughput.
		"only the old ones": {report.Never, func(since time.Duration) (time.Duration, load.Ending) {
			if since < 0 {
				return -since + 300*time.Millisecond, load.Good
			}
			return time.Millisecond, load.Refused
		}},
	} {
		out := requests100(s, func(after time.Duration) (time.Duration, load.Ending) {
			if after < 3*time.Second {
				return time.Millisecond, load.Good
			}
			return c.end(after - 8*time.Second)
		})
		if got := s.recovery(out.Events, 100); got != c.want {
			t.Errorf("%s: back after %v ms, want %v", name, got, c.want)
		}
	}
}
