package policies

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	read := func(change int64, start, end time.Duration) Op {
		return Op{Key: 1, Change: change, Start: start, End: end}
	}
	write := func(change int64, start, end time.Duration) Op {
		return Op{Key: 1, Write: true, Change: change, Start: start, End: end}
	}
	commits := map[int64]Commit{7: {Key: 1, Version: 2, At: 12}, 8: {Key: 1, Version: 3, At: 22}, 9: {Key: 2, Version: 2, At: 5}}
	for name, c := range map[string]struct {
		history []Op
		want    Verdict
	}{
		"nothing":                        {nil, Verdict{}},
		"before and after":               {[]Op{read(0, 1, 2), write(7, 10, 13), read(7, 14, 15)}, Verdict{Reads: 2, Writes: 1}},
		"old while the write runs":       {[]Op{write(7, 10, 13), read(0, 11, 30)}, Verdict{Reads: 1, Writes: 1}},
		"old at the acknowledgement":     {[]Op{write(7, 10, 12), read(0, 12, 30)}, Verdict{Reads: 1, Writes: 1}},
		"new before the acknowledgement": {[]Op{write(7, 10, 13), read(7, 11, 12)}, Verdict{Reads: 1, Writes: 1}},
		"stale": {[]Op{write(7, 10, 13), read(0, 20, 21)},
			Verdict{Reads: 1, Writes: 1, Stale: 1, StaleFor: 7, Behind: 8}},
		"stale since the first of two": {[]Op{write(7, 10, 13), write(8, 20, 23), read(0, 30, 31)},
			Verdict{Reads: 1, Writes: 2, Stale: 1, StaleFor: 17, Behind: 18}},
		"stale since the second of two": {[]Op{write(7, 10, 13), write(8, 20, 23), read(7, 30, 31)},
			Verdict{Reads: 1, Writes: 2, Stale: 1, StaleFor: 7, Behind: 8}},
		"behind what nobody acknowledged": {[]Op{read(0, 20, 21)}, Verdict{Reads: 1, Behind: 8}},
		"back":                            {[]Op{read(7, 12, 14), read(0, 15, 16)}, Verdict{Reads: 2, Back: 1, Behind: 3}},
		"not back but at once":            {[]Op{read(7, 10, 14), read(0, 11, 16)}, Verdict{Reads: 2}},
		"lost":                            {[]Op{write(5, 1, 2), read(5, 3, 4)}, Verdict{Reads: 1, Writes: 1, Lost: 1, Unwritten: 1}},
		"of another key":                  {[]Op{read(9, 3, 4)}, Verdict{Reads: 1, Unwritten: 1}},
	} {
		if got := Check(c.history, commits); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// naive compares everything with everything.
func naive(history []Op, commits map[int64]Commit) (v Verdict) {
	version := func(o Op) int64 {
		if o.Change == 0 {
			return 1
		}
		if c, ok := commits[o.Change]; ok && c.Key == o.Key {
			return c.Version
		}
		return 0
	}
	for _, r := range history {
		if r.Write {
			v.Writes++
			if version(r) == 0 {
				v.Lost++
			}
			continue
		}
		v.Reads++
		if version(r) == 0 {
			v.Unwritten++
			continue
		}
		stale, back := false, false
		for _, o := range history {
			if o.Key != r.Key || o.End >= r.Start || version(o) <= version(r) {
				continue
			}
			if o.Write {
				stale = true
				v.StaleFor = max(v.StaleFor, r.Start-o.End)
			} else {
				back = true
			}
		}
		for _, c := range commits {
			if c.Key == r.Key && c.At < r.Start && c.Version > version(r) {
				v.Behind = max(v.Behind, r.Start-c.At)
			}
		}
		if stale {
			v.Stale++
		}
		if back {
			v.Back++
		}
	}
	return v
}

func TestCheckEqualsTheNaiveOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		commits, versions := map[int64]Commit{}, map[int64]int64{}
		for change := range rapid.Int64Range(0, 12).Draw(t, "commits") {
			key := rapid.Int64Range(1, 2).Draw(t, "key")
			versions[key]++
			commits[change+1] = Commit{Key: key, Version: versions[key] + 1, At: time.Duration(rapid.IntRange(0, 40).Draw(t, "at"))}
		}
		history := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Op {
			start := rapid.IntRange(0, 40).Draw(t, "start")
			o := Op{Key: rapid.Int64Range(1, 2).Draw(t, "key"), Change: rapid.Int64Range(0, 14).Draw(t, "change"),
				Start: time.Duration(start), End: time.Duration(start + rapid.IntRange(0, 15).Draw(t, "lasts"))}
			o.Write = o.Change > 0 && rapid.Bool().Draw(t, "write")
			return o
		}), 0, 40).Draw(t, "history")
		if got, want := Check(history, commits), naive(history, commits); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}
