package timelines_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"roost/domain/timelines"
	"roost/internal/cursors"
)

// logged is a history of what users add to timelines and take back, as a log has it.
type logged struct {
	records []timelines.Record
	after   []past // after each record; the first is empty
}

func drawLogged(t *rapid.T, users int64) logged {
	l := logged{after: []past{nil}}
	key := int64(0)
	for range rapid.IntRange(0, 60).Draw(t, "events") {
		now := slices.Clone(l.after[len(l.after)-1])
		r := timelines.Record{Seq: int64(len(l.after))}
		if at := rapid.IntRange(0, 99).Draw(t, "what"); at < 35 && len(now) > 0 {
			i := at % len(now)
			r.Kind, r.Contribution = timelines.Removed, now[i].contribution()
			now = slices.Delete(now, i, i+1)
		} else {
			key += rapid.Int64Range(1, 3).Draw(t, "step")
			a := added{key: key, user: rapid.Int64Range(1, users).Draw(t, "user"), tweet: key}
			a.of = a.user
			if of := l.draw(t); at > 60 && of.key != 0 && of.user != a.user && !now.has(a.user, of.tweet) {
				a.tweet, a.of = of.tweet, of.user
			}
			r.Contribution = a.contribution()
			now = append(now, a)
		}
		l.records, l.after = append(l.records, r), append(l.after, now)
	}
	return l
}

// draw returns a tweet that there is or was.
func (l *logged) draw(t *rapid.T) (of added) {
	for _, p := range l.after {
		for _, a := range p {
			if a.key == a.tweet && rapid.IntRange(0, 3).Draw(t, "this") == 0 {
				of = a
			}
		}
	}
	return of
}

func (p past) has(user, tweet int64) bool {
	return slices.ContainsFunc(p, func(a added) bool { return a.user == user && a.tweet == tweet })
}

func (a added) contribution() timelines.Contribution {
	c := timelines.Contribution{UserID: a.user, SortKey: a.key}
	if a.key != a.tweet {
		c.Special = timelines.SpecialEntry{Kind: timelines.RetweetEntry, TweetID: a.tweet, AuthorID: a.of}
	}
	return c
}

// stored returns a timeline with records as it comes back from Redis.
func stored(t interface {
	Helper()
	Fatal(...any)
}, p *timelines.Prepared, records []timelines.Record) *timelines.Prepared {
	t.Helper()
	elements := []string{p.Element()}
	for _, r := range records {
		elements = append(elements, r.Element())
	}
	back, err := timelines.ReadPrepared(elements)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// A prepared timeline equals the lists of its authors, whatever the order in which records come, however often they come, whenever the
// snapshot was made, and after a compaction in the middle.
func TestPreparedEqualsTheLists(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const users = 5
		l := drawLogged(t, users)
		authors := []int64{1, 2, 3, 4}
		base := rapid.IntRange(0, len(l.records)).Draw(t, "base")
		seen := rapid.IntRange(base, len(l.records)).Draw(t, "seen") // by the lists of the snapshot
		lists := make([]timelines.AuthorList, len(authors))
		length := rapid.IntRange(1, 30).Draw(t, "length")
		for i, a := range authors {
			lists[i] = l.after[seen].list(a, length)
		}
		merged := []int64(nil)
		if rapid.Bool().Draw(t, "merges one") {
			merged = []int64{2}
		}
		p := timelines.NewPrepared(timelines.NewPreparedID(), 7, int64(base), authors, lists, merged)
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "dice"), 0))
		come := slices.Concat(l.records, l.records[:dice.IntN(len(l.records)+1)])
		dice.Shuffle(len(come), func(i, j int) { come[i], come[j] = come[j], come[i] })
		come = slices.DeleteFunc(come, func(r timelines.Record) bool {
			return slices.Contains(merged, r.UserID) || !slices.Contains(authors, r.UserID)
		})
		if len(come) > 0 && rapid.Bool().Draw(t, "compacts") {
			half := dice.IntN(len(come) + 1)
			upTo := complete(come[:half], l.records, int64(base), merged, authors)
			compact, rest := stored(t, p, come[:half]).Compact(upTo)
			p = stored(t, compact, nil)
			come = append(rest, come[half:]...)
		}
		p = stored(t, p, come)
		got := p.Lists(authors)
		end := l.after[len(l.records)]
		for i, a := range authors {
			if slices.Contains(merged, a) {
				continue
			}
			want := slices.DeleteFunc(slices.Clone(end), func(b added) bool { return b.key < p.CompleteFrom })
			list := want.list(a, 1000)
			list.Version, list.CompleteFrom = 0, p.CompleteFrom
			if got[i].SortKeys != list.SortKeys || !slices.Equal(got[i].Special, list.Special) || got[i].CompleteFrom != list.CompleteFrom {
				t.Fatalf("author %d: %v, not %v", a, got[i], list)
			}
		}
		if !slices.Equal(p.Merged(), merged) {
			t.Fatalf("merged: %v", p.Merged())
		}
		w := drawWindow(t)
		if merged != nil {
			return
		}
		d := timelines.NewDraft(authors, got, w, timelines.Overread(w.Size))
		doubts, undecided := d.Doubts()
		d.Settle(end.places(doubts, undecided))
		if page, ok := d.Page(); ok {
			if want := end.page(authors, w); !samePage(page, want) {
				t.Fatalf("%+v: %v, not %v", w, page, want)
			}
		}
	})
}

// complete returns the highest offset up to which all records have come.
func complete(come, all []timelines.Record, base int64, merged, authors []int64) int64 {
	for _, r := range all {
		if r.Seq <= base || slices.Contains(merged, r.UserID) || !slices.Contains(authors, r.UserID) {
			continue
		}
		if !slices.ContainsFunc(come, func(c timelines.Record) bool { return c.Seq == r.Seq }) {
			return r.Seq - 1
		}
	}
	return int64(len(all))
}

// Only the newest entries are kept, and the timeline says how far it reaches.
func TestPreparedIsCut(t *testing.T) {
	t.Parallel()
	var all past
	for key := int64(1); key <= 2*timelines.MaxPrepared; key++ {
		all = append(all, added{key: key, user: key%40 + 1, tweet: key, of: key%40 + 1})
	}
	authors, lists := []int64{}, []timelines.AuthorList{}
	for a := range int64(40) {
		authors, lists = append(authors, a+1), append(lists, all.list(a+1, 1000))
	}
	p := timelines.NewPrepared(timelines.NewPreparedID(), 1, 5, authors, lists, nil)
	if p.CompleteFrom != timelines.MaxPrepared+1 {
		t.Errorf("complete from %d", p.CompleteFrom)
	}
	records := []timelines.Record{{Seq: 9, Contribution: timelines.Contribution{UserID: 3, SortKey: 4000}},
		{Seq: 8, Contribution: timelines.Contribution{UserID: 3, SortKey: 2}}, // too old
		{Seq: 10, Kind: timelines.Merged, Contribution: timelines.Contribution{UserID: 30}}}
	p, rest := stored(t, p, records).Compact(9)
	if p.CompleteFrom != timelines.MaxPrepared+2 || len(rest) != 0 || !slices.Equal(p.MergedIDs, []int64{30}) || p.Base != 9 {
		t.Errorf("complete from %d, base %d, merged %v, rest %v", p.CompleteFrom, p.Base, p.MergedIDs, rest)
	}
	n := 0
	for _, l := range stored(t, p, nil).Lists(authors) {
		n += l.SortKeys.Len()
	}
	if n != timelines.MaxPrepared {
		t.Errorf("%d entries", n)
	}
	if size := len(p.Element()); size > 16*1024 {
		t.Errorf("%d bytes", size)
	}
}

func TestDamagedPreparedTimelines(t *testing.T) {
	t.Parallel()
	list := past{{1, 1, 1, 1}, {2, 1, 9, 3}}.list(1, 5)
	p := timelines.NewPrepared(timelines.NewPreparedID(), 1, 5, []int64{1}, []timelines.AuthorList{list}, nil)
	r := timelines.Record{Seq: 1, Contribution: timelines.Contribution{UserID: 1, SortKey: 3}}
	whole, record := p.Element(), r.Element()
	if whole[:timelines.PreparedPrefix] != p.Prefix() {
		t.Error("the prefix is not that of the element")
	}
	bad := [][]string{nil, {""}, {"x"}, {strings.Repeat("x", 100)}, {whole + "x"}, {whole, ""}, {whole, record + "x"}, {whole, "x" + record},
		{whole, record[:len(record)-1]}, {record}, {whole, whole}, {whole, record[:8] + "\xff" + record[9:]}}
	for i := range whole {
		bad = append(bad, []string{whole[:i]})
	}
	for _, elements := range bad {
		if _, err := timelines.ReadPrepared(elements); err == nil {
			t.Errorf("%q was read", elements)
		}
	}
	building, err := timelines.ReadPrepared([]string{timelines.BuildingElement("12345678"), record})
	if err != nil || !building.Building || building.ID != "12345678" || building.Prefix() != timelines.BuildingElement("12345678") {
		t.Errorf("%+v, %v", building, err)
	}
}

func BenchmarkPreparedLists(b *testing.B) {
	for _, followed := range []int{30, 300, 2000} {
		var all past
		for key := int64(1); key <= timelines.MaxPrepared; key++ {
			author := key % int64(followed)
			all = append(all, added{key: key, user: author + 1, tweet: key, of: author + 1})
		}
		authors, lists := []int64{}, []timelines.AuthorList{}
		for a := range int64(followed) {
			authors, lists = append(authors, a+1), append(lists, all.list(a+1, 128))
		}
		elements := []string{timelines.NewPrepared(timelines.NewPreparedID(), 1, 5, authors, lists, nil).Element()}
		b.Run(timesFollowed(followed), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := timelines.ReadPrepared(elements)
				if err != nil {
					b.Fatal(err)
				}
				timelines.NewDraft(authors, p.Lists(authors), cursors.Whole(20), timelines.Overread(20))
			}
		})
	}
}

func timesFollowed(n int) string { return map[int]string{30: "30", 300: "300", 2000: "2000"}[n] }
