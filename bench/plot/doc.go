// Package plot draws the figures of the benchmarks as SVG files for documents.
//
// A document shows a figure as wide as its page, from 350 to 1,400 pixels. So everything in a figure is placed in percent of its
// width, while heights and letters have a fixed size: letters are as large on a telephone as on a screen. A text that needs more
// room than its box has in a narrow figure is shortened there, by a rule for the width of the figure. Colors follow the scheme
// of the reader, light or dark.
//
//	out := plot.Flame(plot.Text{Title: "home", Note: "2026-11-29, 80 µs"}, profile.Tree(0.004))
//	err := os.WriteFile("home.svg", out, 0o644)
package plot
