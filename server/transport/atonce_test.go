package transport

import "testing"

// What a write has left over is sent by the writer, ahead of everything else: a whole message as a message, which may be dropped,
// and the rest of a frame as it is, which may not.
func TestWhatAWriteLeavesIsSentFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		written int
		drop    bool
		want    string
	}{
		"everything written":            {written: 7, want: "later"},
		"nothing written":               {written: 0, want: "hello, later"},
		"a part written":                {written: 4, want: "llo (rest), later"},
		"everything written, dropped":   {written: 7, drop: true, want: ""},
		"nothing written, dropped":      {written: 0, drop: true, want: ""},
		"a part written, dropped after": {written: 4, drop: true, want: "llo (rest)"},
	} {
		started := 0
		b := newOutbox(func() { started++ })
		if !b.claim() {
			t.Fatalf("%s: an empty outbox is not to be claimed", name)
		}
		if b.claim() {
			t.Errorf("%s: it is claimed twice", name)
		}
		b.put(letter{data: []byte("later")})
		if started != 0 {
			t.Errorf("%s: a writer runs beside the one that has claimed the outbox", name)
		}
		if c.drop {
			b.seal(true)
		}
		a := &atOnce{}
		a.set(&text{[]byte("hello")})
		a.written = c.written
		left := a.left(nil)
		if queued := b.settle(left); queued != (c.want != "" && c.want != "later") {
			t.Errorf("%s: queued %t", name, queued)
		}
		if started != 1 {
			t.Errorf("%s: %d writers run", name, started)
		}
		got := ""
		for what, l := b.take(); what == dueLetter; what, l = b.take() {
			if got != "" {
				got += ", "
			}
			if got += string(l.data); l.kind == ofRest {
				got += " (rest)"
			}
		}
		if got != c.want {
			t.Errorf("%s: the writer sends %q, want %q", name, got, c.want)
		}
		if b.claim() == c.drop {
			t.Errorf("%s: afterwards it can be claimed: %t", name, c.drop)
		}
	}
}

// A rest that waits in the queue when the queue is dropped stays there.
func TestARestIsNotDropped(t *testing.T) {
	t.Parallel()
	b := newOutbox(func() {})
	b.claim()
	b.settle(letter{data: []byte("rest"), kind: ofRest})
	b.put(letter{data: []byte("message")})
	if dropped := b.seal(true); dropped != 1 || b.bytes != len("rest") {
		t.Errorf("%d letters are dropped, %d bytes stay", dropped, b.bytes)
	}
}
