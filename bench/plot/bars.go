package plot

import (
	"fmt"
	"math"
)

// Bar is an operation whose cost is divided. The parts are in the order of the colors.
type Bar struct {
	Name  string
	Parts []float64 // µs
}

// Shares draws the parts of operations, each as a bar of the full width.
func Shares(t Text, parts []string, bars []Bar) []byte {
	c := newCanvas(t)
	c.legend(parts)
	for _, b := range bars {
		sum := 0.0
		for _, p := range b.Parts {
			sum += p
		}
		c.line("l", fmt.Sprintf("%s: %s µs", b.Name, figure(sum)))
		x := 0.0
		for i, p := range b.Parts {
			if p <= 0 || sum <= 0 {
				continue
			}
			width := 100 * p / sum
			c.box(fmt.Sprintf("f p%d", i), x, width, c.y, letters+2, figure(p),
				fmt.Sprintf("%s, %s: %s µs, %.0f %%", b.Name, parts[i], figure(p), width))
			x += width
		}
		c.y += letters + 2 + margin
	}
	return c.bytes()
}

// figure is a number with as many digits as matter.
func figure(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// Ratio is an operation that is compared. Goal is 0 if there is none.
type Ratio struct {
	Name                   string
	Ratio, Low, High, Goal float64
}

// Ratios draws ratios as bars on a logarithmic scale that begins at 1, and a line at each goal.
func Ratios(t Text, all []Ratio) []byte {
	c := newCanvas(t)
	top := 2.0
	for _, r := range all {
		top = max(top, r.High, r.Ratio, r.Goal)
	}
	at := func(v float64) float64 { return 96 * math.Log(max(v, 1)) / math.Log(top) }
	const row = letters + 12 + margin
	first, last := c.y+letters, c.y+letters+row*len(all)
	for _, tick := range []float64{1, 2, 5, 10, 20, 50, 100, 200} {
		if tick > top {
			break
		}
		fmt.Fprintf(&c.body, `<line x1="%[1]s" x2="%[1]s" y1="%d" y2="%d" class="grid"/>`+"\n", percent(at(tick)), first-2, last)
		c.label("axis", at(tick), narrow, wide, fmt.Sprintf("%g", tick), 2, first-6)
	}
	c.y = first
	for _, r := range all {
		text := fmt.Sprintf("%s: %.2f (%.2f-%.2f)", r.Name, r.Ratio, r.Low, r.High)
		if r.Goal > 0 {
			text += fmt.Sprintf(", goal %g", r.Goal)
		}
		c.line("l", text)
		c.box("f p0", 0, max(at(r.Ratio), .5), c.y, 12, "", text)
		if r.Goal > 0 {
			fmt.Fprintf(&c.body, `<line x1="%[1]s" x2="%[1]s" y1="%d" y2="%d" class="goal"/>`+"\n", percent(at(r.Goal)), c.y-2, c.y+14)
		}
		c.y += 12 + margin
	}
	return c.bytes()
}

// Series is a rate over time.
type Series struct {
	Name string
	// Values are in equal steps.
	Values []float64
}

// Outage draws rates one above the other, all from 0 to the highest value of their own. The time from stopped to back, in steps, is
// shaded.
func Outage(t Text, stopped, back float64, all []Series) []byte {
	const height = 70
	c := newCanvas(t)
	for _, s := range all {
		top := 1.0
		for _, v := range s.Values {
			top = max(top, v)
		}
		c.line("l", s.Name)
		steps := max(1, len(s.Values))
		fmt.Fprintf(&c.body, `<svg x="0" y="%d" width="100%%" height="%d" viewBox="0 0 %d 100" preserveAspectRatio="none">`+"\n",
			c.y, height, steps)
		fmt.Fprintf(&c.body, `<rect x="%.1f" y="0" width="%.1f" height="100" class="out"/>`, stopped, back-stopped)
		c.body.WriteString(`<path class="area" vector-effect="non-scaling-stroke" d="M0 100`)
		for i, v := range s.Values {
			y := 100 - 96*v/top
			fmt.Fprintf(&c.body, "L%d %.1fH%d", i, y, i+1)
		}
		fmt.Fprintf(&c.body, "V100Z\"/></svg>\n")
		c.y += height + margin
	}
	return c.bytes()
}
