package report

import (
	"bytes"
	"strings"
	"testing"
)

func goodOutage() *Outage {
	return &Outage{Seconds: 5, Shed: 60, Held: 30, Back: 200,
		Independent: []Weathered{{Name: "typename", Rate: 100, P99Before: 4, P99During: 9}},
		Dependent:   Weathered{Name: "home", Rate: 800, P99Before: 20, P99During: Never, Refused: 3900}}
}

func TestBoundsOfAnOutage(t *testing.T) {
	t.Parallel()
	if err := goodOutage().Breach(); err != nil {
		t.Error(err)
	}
	if err := (*Outage)(nil).Breach(); err != nil {
		t.Error(err)
	}
	for says, change := range map[string]func(*Outage){
		"the p99 of typename, which needs nothing of PostgreSQL, went from 4.0 to 12.1 ms": func(o *Outage) {
			o.Independent[0].P99During = 12.1
		},
		"the p99 of typename, which needs nothing of PostgreSQL, went from 4.0 to never ms": func(o *Outage) {
			o.Independent[0].P99During = Never
		},
		"already before, more than 1 of 100 requests of typename were refused": func(o *Outage) {
			o.Independent[0].P99Before = Never
		},
		"waited up to 400.0 ms for their refusal, more than 100": func(o *Outage) {
			o.Shed = 400
		},
		"33 requests that need PostgreSQL waited for longer than 100 ms at one time, more than 32": func(o *Outage) {
			o.Held = 33
		},
		"the throughput of home was back 1100.0 ms after PostgreSQL, not within 1000": func(o *Outage) {
			o.Back = 1100
		},
		"the throughput of home was back never ms after PostgreSQL": func(o *Outage) {
			o.Back = Never
		},
	} {
		o := goodOutage()
		change(o)
		if err := o.Breach(); err == nil || !strings.HasPrefix(err.Error(), "outage: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestOutageTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := (&Results{Outage: goodOutage()}).Print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"PostgreSQL stopped for 5.0 s",
		"refused within 60.0 ms (p99, at most 100); up to 30 waited for longer at one time (at most 32)",
		"Throughput back within 200.0 ms (at most 1000)", "typename no 100 0 0 0 4.0 9.0 2.2 0 0", "home yes 800 0 0 0 20.0 never - 3900 0"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
