package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// shown compares what a page shows with what a server says. In what is shown, … is anything, and <name> is a value that the
// page uses again: the first answer that has it says what it is.
type shown struct{ values map[string]string }

var (
	placeholder = regexp.MustCompile(`<[a-z][a-z ]*>`)
	anything    = "…"
)

// fill puts known values in the place of names.
func (s shown) fill(text string) (string, error) {
	var unknown error
	out := placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := s.values[name]
		if !ok {
			unknown = fmt.Errorf("no answer before has %s", name)
		}
		return value
	})
	return out, unknown
}

// json compares two texts of JSON.
func (s shown) json(want, got string) error {
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return fmt.Errorf("what is shown is no JSON: %w", err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return fmt.Errorf("the answer is no JSON: %w: %.300s", err, got)
	}
	if err := s.value("", w, g); err != nil {
		pretty, _ := json.MarshalIndent(g, "", "  ")
		return fmt.Errorf("%w; the answer is\n%s", err, pretty)
	}
	return nil
}

func (s shown) value(path string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if names := slices.Sorted(maps.Keys(w)); !ok || !slices.Equal(names, slices.Sorted(maps.Keys(g))) {
			return fmt.Errorf("%s: shown are the members %q of %v", path, names, got)
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if err := s.value(path+"."+name, w[name], g[name]); err != nil {
				return err
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s: shown are %d items of %v", path, len(w), got)
		}
		for i := range w {
			if err := s.value(fmt.Sprintf("%s.%d", path, i), w[i], g[i]); err != nil {
				return err
			}
		}
	case string:
		if w == anything && got != nil {
			return nil
		}
		g, ok := got.(string)
		if !ok || !s.text(w, g) {
			return fmt.Errorf("%s: shown is %q for %v", path, w, got)
		}
	default:
		if want != got {
			return fmt.Errorf("%s: shown is %v for %v", path, want, got)
		}
	}
	return nil
}

// text compares two texts, and remembers the values of names.
func (s shown) text(want, got string) bool {
	var names []string
	pattern := "^"
	for len(want) > 0 {
		at := placeholder.FindStringIndex(want)
		dots := strings.Index(want, anything)
		switch {
		case dots >= 0 && (at == nil || dots < at[0]):
			pattern += regexp.QuoteMeta(want[:dots]) + "(?s:.*)"
			want = want[dots+len(anything):]
		case at != nil:
			name := want[at[0]:at[1]]
			pattern += regexp.QuoteMeta(want[:at[0]])
			if value, ok := s.values[name]; ok {
				pattern += regexp.QuoteMeta(value)
			} else {
				pattern += `([^\s;"]+)`
				names = append(names, name)
			}
			want = want[at[1]:]
		default:
			pattern += regexp.QuoteMeta(want)
			want = ""
		}
	}
	m := regexp.MustCompile(pattern + "$").FindStringSubmatch(got)
	if m == nil {
		return false
	}
	for i, name := range names {
		s.values[name] = m[i+1]
	}
	return true
}
