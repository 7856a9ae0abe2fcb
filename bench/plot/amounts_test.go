package plot

import (
	"math"
	"testing"
)

// Each group has a scale of its own, and an amount of 0 has no bar.
func TestAmountsHaveAScaleForEachGroup(t *testing.T) {
	t.Parallel()
	all := boxes(elements(t, Amounts(Text{Title: "costs", Note: "today"}, []Group{
		{"µs", []Amount{{"a", 50}, {"b", 100}, {"c", 0}}}, {"ms", []Amount{{"a", 4}, {"b", 1}}}})), "f p")
	want := []float64{48, 96, 96, 24}
	if len(all) != len(want) {
		t.Fatalf("there are %d bars, want %d", len(all), len(want))
	}
	for i, box := range all {
		if got := box.percent(t, "width"); math.Abs(got-want[i]) > 0.01 {
			t.Errorf("bar %d is %.2f %% wide, want %.0f", i, got, want[i])
		}
	}
}
