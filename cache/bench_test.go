package cache

import (
	"fmt"
	"testing"

	"roost/testkit/redistest"
)

// What the verbs cost, in one pipeline of 50 keys.
func BenchmarkVerbs(b *testing.B) {
	for store, url := range map[string]string{"miniredis": "", "redis": redistest.Start(b).URL()} {
		x := tierAt(b, url)
		keys := make([]string, 50)
		for i := range keys {
			keys[i] = key(fmt.Sprint(i))
		}
		run := func(name string, s script, args ...any) {
			b.Run(store+"/"+name, func(b *testing.B) {
				for b.Loop() {
					for i, r := range x.do(b.Context(), s, keys, func(int) (int64, []any) { return 0, args }) {
						if r.err != nil {
							b.Fatal(i, r.err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(keys)), "us/key")
			})
		}
		run("lease", x.scripts.lease, "token", 1000, 10000)
		run("fill", x.scripts.fill, "token", 1, "data", 60000)
		b.Run(store+"/hits", func(b *testing.B) {
			for b.Loop() {
				x.read(b.Context(), x.lookup(b.Context(), keys), nil)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(keys)), "us/key")
		})
		run("invalidate", x.scripts.invalidate, 1, "", 10000)
		run("intend", x.scripts.intend, "1", 1000, 10000)
	}
}
