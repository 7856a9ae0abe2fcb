package plot

import (
	"fmt"
	"regexp"
	"strings"

	"roost/bench/shares"
)

// Flame draws a flame graph: everything at the top, and below each function those that it calls, as wide as their share. A color is
// that of the part that the function costs. parts are the entries of the legend, in the order of shares.Parts.
func Flame(t Text, root *shares.Frame, parts []string) []byte {
	c := newCanvas(t)
	c.legend(parts)
	x := 0.0
	deepest := 0
	for _, f := range root.Calls {
		deepest = max(deepest, c.frame(f, x, 0))
		x += 100 * f.Share
	}
	c.y += deepest * letters
	return c.bytes()
}

// frame draws a function and all below it, and returns the depth of the deepest.
func (c *canvas) frame(f *shares.Frame, x float64, depth int) (deepest int) {
	hint := fmt.Sprintf("%s: %.1f %%", f.Name, 100*f.Share)
	if f.Callers > 0 {
		hint += fmt.Sprintf(" (and %d functions above, which call nothing else)", f.Callers)
	}
	c.box(fmt.Sprintf("f p%d", f.Part), x, 100*f.Share, c.y+depth*letters, letters, shorten(f.Name), hint)
	deepest = depth + 1
	for _, called := range f.Calls {
		deepest = max(deepest, c.frame(called, x, depth+1))
		x += 100 * called.Share
	}
	return deepest
}

// receiver is the type between a package and a method: "(*conn)." or, with type parameters, "(*pool[...]).".
var receiver = regexp.MustCompile(`\(\*?[^)]*\)\.`)

// shorten returns a function with the last element of its package's path, without type parameters, and a method without its type.
func shorten(function string) string {
	path, parameters, generic := strings.Cut(function, "[")
	path = path[strings.LastIndexByte(path, '/')+1:]
	if generic {
		path += parameters[strings.LastIndexByte(parameters, ']')+1:]
	}
	return receiver.ReplaceAllString(path, "")
}
