package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is written above a figure. Both lines must be short enough for a narrow figure; longer ones are cut.
type Text struct {
	Title, Note string
}

const (
	// narrow and wide are the widths, in pixels, that labels are cut for: narrow below switchAt, wide from there on.
	narrow, wide, switchAt = 350.0, 1000.0, 1000
	// perLetter is the width of a letter of a label, and letters how high a line of labels is.
	perLetter, letters = 6.7, 18
	// margin is the empty space at the upper and lower edge.
	margin = 8
	// shortest is how many letters a cut label needs to be worth showing.
	shortest = 3
)

// scheme is a color for readers with a light and with a dark page.
type scheme struct{ light, dark string }

// colors fill the parts of a server in the order of shares.Parts, then PostgreSQL and Redis. Black letters are legible on the light
// ones, white letters on the dark ones.
var colors = []scheme{
	{"#b6d7ff", "#1f4e8c"}, {"#a0e4dc", "#0f5f5a"}, {"#ffd59a", "#8a4b00"}, {"#d4eda0", "#4a6310"}, {"#ffbfbf", "#8c2f2f"},
	{"#d9c7ff", "#553a99"}, {"#d5dae0", "#4a525c"}, {"#b59cf2", "#7154c0"}, {"#f59a9a", "#b04545"},
}

// Stores are the names of the colors after those of the parts.
var Stores = []string{"PostgreSQL", "Redis"}

// canvas collects the elements of a figure from the top down.
type canvas struct {
	body bytes.Buffer
	y    int
}

func newCanvas(t Text) *canvas {
	c := &canvas{y: margin}
	c.line("title", t.Title)
	c.line("note", t.Note)
	c.y += margin
	return c
}

// line writes a line of text from the left edge on.
func (c *canvas) line(class, text string) {
	c.label(class, 0, narrow, wide, text, 4, c.y+13)
	c.y += letters
}

// label writes a text at x percent and some pixels to the right, cut for the pixels that it has in a narrow and in a wide figure.
func (c *canvas) label(class string, x, narrowRoom, wideRoom float64, text string, right, baseline int) {
	short, long := cut(text, narrowRoom-float64(right)), cut(text, wideRoom-float64(right))
	write := func(class, text string) {
		if text == "" {
			return
		}
		fmt.Fprintf(&c.body, `<text x="%s" dx="%d" y="%d" class="%s">%s</text>`+"\n", percent(x), right, baseline, class, escape(text))
	}
	if short == long {
		write(class, long)
		return
	}
	write(class+" n", short)
	write(class+" w", long)
}

// box writes a filled box with a label, from x percent on, some percent wide. hint is what a pointer over it shows.
func (c *canvas) box(class string, x, width float64, y, height int, text, hint string) {
	if hint != "" {
		fmt.Fprintf(&c.body, "<g><title>%s</title>\n", escape(hint))
	}
	fmt.Fprintf(&c.body, `<rect x="%s" y="%d" width="%s" height="%d" class="%s"/>`+"\n", percent(x), y, percent(width), height, class)
	if text != "" {
		c.label("l", x, width/100*narrow, width/100*wide, text, 3, y+height-5)
	}
	if hint != "" {
		c.body.WriteString("</g>\n")
	}
}

// legend writes named colors in two columns.
func (c *canvas) legend(entries []string) {
	for i, text := range entries {
		x, y := float64(i%2)*50, c.y+i/2*letters
		fmt.Fprintf(&c.body, `<rect x="%s" y="%d" width="12" height="12" class="p%d"/>`+"\n", percent(x+1), y+2, i)
		c.label("l", x+1, narrow*.48, wide*.48, text, 18, y+13)
	}
	c.y += (len(entries)+1)/2*letters + margin
}

// bytes returns the file.
func (c *canvas) bytes() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="100%%" height="%d">`+"\n<style>\n", c.y+margin)
	out.WriteString("text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}\n" +
		"text.title{font-size:12px;font-weight:bold}text.note,text.axis{fill:#59636e}\n" +
		"rect.bg{fill:#fff}rect.f{stroke:#fff;stroke-width:.6}.grid{stroke:#d1d9e0}.goal{stroke:#cf222e;stroke-width:2}\n" +
		".out{fill:#ffebe9}.area{fill:#b6d7ff;stroke:#0969da}\n")
	for i, s := range colors {
		fmt.Fprintf(&out, ".p%d{fill:%s}", i, s.light)
	}
	fmt.Fprintf(&out, "\n@media (min-width:%dpx){.n{display:none}}\n@media (max-width:%dpx){.w{display:none}}\n", switchAt, switchAt-1)
	out.WriteString("@media (prefers-color-scheme:dark){text{fill:#f0f6fc}text.note,text.axis{fill:#9198a1}\n" +
		"rect.bg{fill:#0d1117}rect.f{stroke:#0d1117}.grid{stroke:#3d444d}.goal{stroke:#ff7b72}\n" +
		".out{fill:#4c1d1d}.area{fill:#1f4e8c;stroke:#58a6ff}\n")
	for i, s := range colors {
		fmt.Fprintf(&out, ".p%d{fill:%s}", i, s.dark)
	}
	out.WriteString("}\n</style>\n<rect width=\"100%\" height=\"100%\" class=\"bg\"/>\n")
	out.Write(c.body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// cut shortens a text to some pixels; it is empty if there is no room for a few letters.
func cut(text string, room float64) string {
	n := int(room / perLetter)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	if n < shortest {
		return ""
	}
	return string([]rune(text)[:n-1]) + "…"
}

// percent is a position or a width, exact to a pixel in ten thousand.
func percent(p float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", p), "0"), ".") + "%"
}

func escape(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}
