package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestCompressedAnswersStandBesidePlainOnes(t *testing.T) {
	t.Parallel()
	home, zipped := measurement("home", 2), measurement("home-gzip", 2.5)
	home.Roost.Bytes, zipped.Roost.Bytes = 7000, 1400
	zipped.Encoding, zipped.Roost.Encoded = "gzip", 1
	rows := func(all ...Measurement) (out []string) {
		var text bytes.Buffer
		if err := (&Results{Measurements: all}).printCompressed(&text); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if fields := strings.Fields(line); len(fields) > 0 {
				out = append(out, strings.Join(fields, " "))
			}
		}
		return out
	}
	got := rows(zipped, home)
	if len(got) != 3 || got[1] != "plain 0% 7000 100% 100 +0 200 2.00 (2.00-2.00)" ||
		got[2] != "gzip 100% 1400 20% 125 +25 250 2.50 (2.50-2.50)" {
		t.Errorf("printed\n%s", strings.Join(got, "\n"))
	}
	if got := rows(zipped); len(got) != 2 || !strings.HasPrefix(got[1], "gzip 100% 1400 - 125 - 250") {
		t.Errorf("without the plain line\n%s", strings.Join(got, "\n"))
	}
	if got := rows(home); len(got) != 0 {
		t.Errorf("without compressed lines\n%s", strings.Join(got, "\n"))
	}
}
