package cursors

import (
	"math"
	"slices"
	"strings"
	"testing"

	"roost/internal/errs"
)

func ptr[T any](v T) *T { return &v }

func TestWindow(t *testing.T) {
	t.Parallel()
	at := Encode(Home, 77)
	for _, c := range []struct {
		args Args
		want Window
	}{
		{Args{}, Window{Size: 20, Above: math.MaxInt64}},
		{Args{First: ptr[int32](0)}, Window{Above: math.MaxInt64}},
		{Args{Last: ptr[int32](0)}, Window{Above: math.MaxInt64, Backward: true}},
		{Args{First: ptr[int32](1)}, Window{Size: 1, Above: math.MaxInt64}},
		{Args{First: ptr[int32](100), After: &at}, Window{Size: 100, Above: 77}},
		{Args{After: &at}, Window{Size: 20, Above: 77}},
		{Args{Last: ptr[int32](5)}, Window{Size: 5, Above: math.MaxInt64, Backward: true}},
		{Args{Last: ptr[int32](5), Before: &at}, Window{Size: 5, Above: math.MaxInt64, Below: 77, Backward: true}},
		{Args{Before: &at}, Window{Size: 20, Above: math.MaxInt64, Below: 77, Backward: true}},
	} {
		if w, err := c.args.Window(Home); err != nil || w != c.want {
			t.Errorf("%+v is %+v, %v; want %+v", c.args, w, err, c.want)
		}
	}
	other := Encode(Timeline, 77)
	for _, a := range []Args{
		{First: ptr[int32](-1)}, {First: ptr[int32](101)}, {First: ptr[int32](math.MaxInt32)}, {Last: ptr[int32](-1)},
		{Last: ptr[int32](math.MinInt32)},
		{First: ptr[int32](1), Last: ptr[int32](1)}, {First: ptr[int32](1), Before: &at}, {Last: ptr[int32](1), After: &at},
		{After: &at, Before: &at},
		{After: &other}, {Before: &other}, {After: ptr("")},
	} {
		if _, err := a.Window(Home); !errs.Is(err, errs.BadRequest) {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size     int
		backward bool
		read     []int
		want     []int
		more     bool
	}{
		{3, false, []int{9, 8}, []int{9, 8}, false},
		{2, false, []int{9, 8}, []int{9, 8}, false},
		{2, false, []int{9, 8, 7}, []int{9, 8}, true},
		{2, true, []int{7, 8, 9}, []int{8, 7}, true},
		{3, true, []int{7, 8, 9}, []int{9, 8, 7}, false},
		{3, true, nil, nil, false},
	} {
		p := Cut(Window{Size: c.size, Backward: c.backward}, c.read)
		if !slices.Equal(p.Items, c.want) || p.More != c.more {
			t.Errorf("%+v gives %+v", c, p)
		}
	}
}

// Nothing but what Encode makes is a cursor, and only of its own list.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "x", Encode(Home, 1), Encode(Home, math.MaxInt64), Encode(Timeline, 5), Encode(Home, 0), Encode(Home, -1),
		Encode(Home, 1) + "=",
		strings.ToUpper(Encode(Home, 1)), strings.Repeat("A", 12)} {
		f.Add(s)
	}
	kinds := []Kind{Home, Timeline, Followers, Following}
	f.Fuzz(func(t *testing.T, s string) {
		read := 0
		for _, k := range kinds {
			sortKey, err := Decode(k, s)
			if err != nil {
				if !errs.Is(err, errs.BadRequest) {
					t.Errorf("%q: %v", s, err)
				}
				continue
			}
			if read++; Encode(k, sortKey) != s || sortKey < 1 {
				t.Errorf("%q reads as %d", s, sortKey)
			}
		}
		if read > 1 {
			t.Errorf("%q is a cursor of %d lists", s, read)
		}
	})
}

// A cursor within an event has the event's sort key and a part; a cursor without a part is the same as ever.
func TestCursorsWithParts(t *testing.T) {
	t.Parallel()
	for _, key := range []int64{1, 42, math.MaxInt64} {
		for _, parts := range []int{0, 1, 255} {
			cursor := EncodePart(Events, key, parts)
			if gotKey, gotParts, err := DecodePart(Events, cursor); gotKey != key || gotParts != parts || err != nil {
				t.Errorf("%s of %d and %d parts is decoded as %d and %d, %v", cursor, key, parts, gotKey, gotParts, err)
			}
			if parts == 0 && cursor != Encode(Events, key) {
				t.Errorf("without parts the cursor of %d is %s", key, cursor)
			}
			if _, err := Decode(Events, cursor); (err == nil) != (parts == 0) {
				t.Errorf("%s is decoded without parts: %v", cursor, err)
			}
			if _, _, err := DecodePart(Home, cursor); err == nil {
				t.Errorf("%s is accepted as a cursor of another kind", cursor)
			}
		}
	}
	none := []byte{byte(Events), 0, 0, 0, 0, 0, 0, 0, 1, 0}
	for _, bad := range []string{"", "x", encoding.EncodeToString(none), EncodePart(Events, 1, 1)[:13], EncodePart(Events, 1, 1) + "A"} {
		if _, _, err := DecodePart(Events, bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
