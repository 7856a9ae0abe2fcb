package visible

import "testing"

func TestHidden(t *testing.T) {
	t.Parallel()
	for _, r := range " \t\n\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e" +
		"\u2003\u200b\u200c\u200d\u200e\u200f\u2028\u202a\u202e\u2060\u2063\u2066\u2069\u2800\u3000\u3164\ufe0f\ufeff\uffa0" +
		"\U000e0001\U000e0061\U000e0101\U0001d159\U0001d173" {
		if !Hidden(r) {
			t.Errorf("%U is visible", r)
		}
	}
	for _, r := range "a0.é\u0301אم\u0600あ한⠓👩🏴€\ufffd\ufffc" {
		if Hidden(r) {
			t.Errorf("%U is hidden", r)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]struct{ any, all bool }{
		"": {false, true}, " \u200b": {false, false}, "a\u200b": {true, false}, "ab": {true, true}, "❤\ufe0f": {true, false},
	} {
		if Any(s) != want.any || All(s) != want.all {
			t.Errorf("%+q: Any is %t, All is %t", s, Any(s), All(s))
		}
	}
}
