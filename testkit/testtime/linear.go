package testtime

import (
	"strings"
	"testing"
	"time"
)

// Linear checks that the time of a function grows with the size of a text and not with its square, for texts that repeat one of
// the shapes. It compares the processor time of one text of 64 KiB with that of 128 texts of 512 bytes, which is as many bytes: a
// function that looks at each byte once needs about as long for both, and one that looks at the text anew for each of its bytes
// needs 128 times as long for the large one. The test fails when it needs more than 16 times as long in each of 30 tries.
//
// Garbage collection and page faults are in a measurement by chance, hence the wide margin and the least of several tries.
func Linear(t *testing.T, shapes []string, f func(text string)) {
	t.Helper()
	const small, times, most = 512, 128, 16
	for _, shape := range shapes {
		text, long := strings.Repeat(shape, small/len(shape)), strings.Repeat(shape, small*times/len(shape))
		a, b := time.Hour, time.Hour
		for n := 0; n < 3 || n < 30 && b > most*a; n++ {
			a = min(a, CPU(func() {
				for range times {
					f(text)
				}
			}))
			b = min(b, CPU(func() { f(long) }))
		}
		if b > most*a {
			t.Errorf("%q: %v for %d texts of %d bytes, %v for one of %d", shape, a, times, len(text), b, len(long))
		}
	}
}
