package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"roost/bench/shares"
)

// element is an element of a figure with its attributes and its text.
type element struct {
	name string
	attr map[string]string
	text string
}

func (e element) percent(t *testing.T, attr string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.TrimSuffix(e.attr[attr], "%"), 64)
	if err != nil || !strings.HasSuffix(e.attr[attr], "%") {
		t.Fatalf("%s of %+v is not in percent", attr, e)
	}
	return v
}

// elements reads a figure, which must be well-formed.
func elements(t *testing.T, svg []byte) (out []element) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			out = append(out, e)
		case xml.CharData:
			if len(out) > 0 {
				out[len(out)-1].text += string(token)
			}
		}
	}
}

// boxes are the rectangles of a class that begins with a prefix.
func boxes(all []element, prefix string) (out []element) {
	for _, e := range all {
		if e.name == "rect" && strings.HasPrefix(e.attr["class"], prefix) {
			out = append(out, e)
		}
	}
	return out
}

func labels(all []element) (out []string) {
	for _, e := range all {
		if e.name == "text" {
			out = append(out, strings.TrimSpace(e.text))
		}
	}
	return out
}

func TestFlame(t *testing.T) {
	t.Parallel()
	root := &shares.Frame{Share: 1, Calls: []*shares.Frame{
		{Name: "net/http.(*conn).serve", Share: .8, Part: shares.HTTP, Calls: []*shares.Frame{
			{Name: "roost/graph/plan.One[go.shape.*x<y>].run", Share: .5, Part: shares.Engine, Callers: 2},
			{Name: "roost/cache.Get", Share: .01, Part: shares.Cache},
		}},
		{Name: "runtime.gcBgMarkWorker", Share: .2, Part: shares.Runtime},
	}}
	all := elements(t, Flame(Text{Title: "home", Note: "<1 µs"}, root, []string{"net/http 80 %", "engine"}))
	frames := boxes(all, "f ")
	if len(frames) != 4 {
		t.Fatalf("%d boxes", len(frames))
	}
	for i, want := range []struct {
		class    string
		x, width float64
		row      int
	}{{"f p0", 0, 80, 0}, {"f p2", 0, 50, 1}, {"f p4", 50, 1, 1}, {"f p6", 80, 20, 0}} {
		f := frames[i]
		y, err := strconv.Atoi(f.attr["y"])
		first, _ := strconv.Atoi(frames[0].attr["y"])
		if err != nil || f.attr["class"] != want.class || f.percent(t, "x") != want.x || f.percent(t, "width") != want.width ||
			y != first+want.row*letters {
			t.Errorf("box %d is %v, want %+v", i, f.attr, want)
		}
	}
	got := strings.Join(labels(all), "|")
	for _, want := range []string{"home", "<1 µs", "net/http 80 %", "http.serve", "plan.One.run"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if strings.Contains(got, "cache") {
		t.Errorf("a box of one percent has a label: %s", got)
	}
}

// No label is wider than its box, in a narrow and in a wide figure, and both are shown at their width only.
func TestLabelsFit(t *testing.T) {
	t.Parallel()
	const name = "roost/server.aFunctionWithALongName"
	for _, share := range []float64{.01, .05, .1, .2, .5, 1} {
		root := &shares.Frame{Calls: []*shares.Frame{{Name: name, Share: share}}}
		all := elements(t, Flame(Text{}, root, nil))
		seen := map[string]bool{}
		for _, e := range all {
			if e.name != "text" || e.text == "" {
				continue
			}
			width := wide
			if e.attr["class"] != "l w" {
				width = narrow
			}
			if seen[e.attr["class"]] {
				t.Errorf("two labels of class %q", e.attr["class"])
			}
			seen[e.attr["class"]] = true
			if letters := len([]rune(strings.TrimSpace(e.text))); float64(letters)*perLetter > share*width {
				t.Errorf("%q is wider than %.0f pixels", e.text, share*width)
			}
		}
		if share == 1 && (len(seen) != 1 || !seen["l"]) {
			t.Errorf("a label that fits everywhere is there as %v", seen)
		}
	}
}

func TestSharesFillTheWidth(t *testing.T) {
	t.Parallel()
	svg := Shares(Text{Title: "shares"}, []string{"net/http", "transport", "engine", "PostgreSQL"},
		[]Bar{{Name: "home", Parts: []float64{20, 0, 100, 80}}, {Name: "nothing", Parts: []float64{0, 0, 0, 0}}})
	all := elements(t, svg)
	frames := boxes(all, "f ")
	if len(frames) != 3 || frames[1].attr["class"] != "f p2" || frames[2].attr["class"] != "f p3" {
		t.Fatalf("%+v", frames)
	}
	end := 0.0
	for _, f := range frames {
		if math.Abs(f.percent(t, "x")-end) > .01 {
			t.Errorf("a box begins at %v and the one before ends at %v", f.percent(t, "x"), end)
		}
		end += f.percent(t, "width")
	}
	if math.Abs(end-100) > .02 || !strings.Contains(strings.Join(labels(all), "|"), "home: 200 µs") {
		t.Errorf("the boxes are %v wide: %v", end, labels(all))
	}
}

func TestRatiosAreLogarithmic(t *testing.T) {
	t.Parallel()
	all := elements(t, Ratios(Text{}, []Ratio{
		{Name: "cheap", Ratio: .5, Low: .4, High: .6}, {Name: "home", Ratio: 10, Low: 9, High: 11, Goal: 8},
		{Name: "dear", Ratio: 100, High: 100},
	}))
	frames := boxes(all, "f ")
	if len(frames) != 3 || frames[0].percent(t, "width") != .5 ||
		math.Abs(2*frames[1].percent(t, "width")-frames[2].percent(t, "width")) > .02 {
		t.Errorf("%+v", frames)
	}
	goals := 0
	for _, e := range all {
		if e.attr["class"] == "goal" {
			goals++
			if x := e.percent(t, "x1"); x >= frames[1].percent(t, "width") || x < .8*frames[1].percent(t, "width") {
				t.Errorf("the goal of 8 is at %v, the ratio of 10 at %v", x, frames[1].percent(t, "width"))
			}
		}
	}
	if goals != 1 {
		t.Errorf("%d goals", goals)
	}
}

func TestOutageIsShaded(t *testing.T) {
	t.Parallel()
	all := elements(t, Outage(Text{Title: "stopped"}, 2, 4, []Series{{"home", []float64{10, 10, 0, 0, 5}}, {"none", nil}}))
	out := boxes(all, "out")
	if len(out) != 2 || out[0].attr["x"] != "2.0" || out[0].attr["width"] != "2.0" {
		t.Fatalf("%+v", out)
	}
	for _, e := range all {
		if e.name == "path" {
			if d := e.attr["d"]; d != "M0 100L0 4.0H1L1 4.0H2L2 100.0H3L3 100.0H4L4 52.0H5V100Z" {
				t.Errorf("the path is %s", d)
			}
			break
		}
	}
}

// Letters are legible on every color, in both schemes: the contrast is that of the guidelines for text, at least 4.5.
func TestColorsAreLegible(t *testing.T) {
	t.Parallel()
	if want := len(shares.Parts) + len(Stores); len(colors) != want {
		t.Fatalf("%d colors for %d parts", len(colors), want)
	}
	seen := map[string]bool{}
	for _, c := range colors {
		if got := contrast(t, c.light, "#1f2328"); got < 4.5 {
			t.Errorf("dark letters on %s have a contrast of %.1f", c.light, got)
		}
		if got := contrast(t, c.dark, "#f0f6fc"); got < 4.5 {
			t.Errorf("light letters on %s have a contrast of %.1f", c.dark, got)
		}
		if seen[c.light] || seen[c.dark] {
			t.Errorf("%v is there twice", c)
		}
		seen[c.light], seen[c.dark] = true, true
	}
}

// contrast is the ratio of the luminances of two colors, as WCAG 2 defines it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(color string) float64 {
		n, err := strconv.ParseUint(color[1:], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		linear := func(v uint64) float64 {
			s := float64(v&0xff) / 255
			if s <= .04045 {
				return s / 12.92
			}
			return math.Pow((s+.055)/1.055, 2.4)
		}
		return .2126*linear(n>>16) + .7152*linear(n>>8) + .0722*linear(n)
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}
