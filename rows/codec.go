package rows

import (
	"encoding/binary"
	"time"
)

// writer makes the data of an entry: fields one after the other, without names. TestForms fails if a field or the
// order changes.
type writer []byte

func (w *writer) number(n int64) { *w = binary.AppendVarint(*w, n) }

func (w *writer) count(n int) { *w = binary.AppendUvarint(*w, uint64(n)) }

func (w *writer) text(s string) {
	w.count(len(s))
	*w = append(*w, s...)
}

func (w *writer) flag(b bool) {
	n := byte(0)
	if b {
		n = 1
	}
	*w = append(*w, n)
}

// maybe writes an optional text.
func (w *writer) maybe(s *string) {
	w.flag(s != nil)
	if s != nil {
		w.text(*s)
	}
}

// time writes a time, to the nanosecond. The years 1678 to 2262 are possible.
func (w *writer) time(t time.Time) { w.number(t.UnixNano()) }

// ascending writes ids in ascending order, each as the difference from the one before.
func (w *writer) ascending(ids []int64) {
	w.count(len(ids))
	last := int64(0)
	for _, id := range ids {
		w.number(id - last)
		last = id
	}
}

// reader reads the data of an entry. Texts are parts of the data and are not copied. Data that cannot be read sets bad, and all later
// fields are empty.
type reader struct {
	data string
	bad  bool
}

func (r *reader) fail() {
	r.data, r.bad = "", true
}

func (r *reader) number() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) uvarint() uint64 {
	var n uint64
	for i := 0; i < len(r.data) && i < binary.MaxVarintLen64; i++ {
		c := r.data[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.data = r.data[i+1:]
			return n
		}
	}
	r.fail()
	return 0
}

// count reads the number of elements that follow. Each has at least one byte, so a number larger than the rest of the data is an error.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count()
	s := r.data[:n]
	r.data = r.data[n:]
	return s
}

func (r *reader) flag() bool {
	if r.data == "" || r.data[0] > 1 {
		r.fail()
		return false
	}
	b := r.data[0] == 1
	r.data = r.data[1:]
	return b
}

func (r *reader) maybe() *string {
	if !r.flag() {
		return nil
	}
	s := r.text()
	return &s
}

func (r *reader) time() time.Time { return time.Unix(0, r.number()).UTC() }

func (r *reader) ascending() []int64 {
	n, last := r.count(), int64(0)
	ids := make([]int64, 0, n)
	for range n {
		last += r.number()
		ids = append(ids, last)
	}
	return ids
}

// done reports whether all data was read, without an error.
func (r *reader) done() bool { return !r.bad && r.data == "" }
