package plot

// Group is a list of amounts that are compared with each other.
type Group struct {
	Title   string
	Amounts []Amount
}

// Amount is a number of 0 or more. The unit is in the title of its group.
type Amount struct {
	Name  string
	Value float64
}

// Amounts draws each group as bars on a scale of its own, from 0 to its largest amount. The bars of a group have the colors in their
// order.
func Amounts(t Text, all []Group) []byte {
	c := newCanvas(t)
	for _, g := range all {
		c.line("title", g.Title)
		top := 0.0
		for _, a := range g.Amounts {
			top = max(top, a.Value)
		}
		for i, a := range g.Amounts {
			text := a.Name + ": " + figure(a.Value)
			c.line("l", text)
			if a.Value > 0 {
				c.box("f p"+string(rune('0'+i%len(colors))), 0, max(96*a.Value/top, .5), c.y, 8, "", text)
			}
			c.y += 8 + margin/2
		}
		c.y += margin
	}
	return c.bytes()
}
