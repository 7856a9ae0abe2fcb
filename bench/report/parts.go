package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printParts writes what each part of the server costs a request, and the stores beside it.
func (r *Results) printParts(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := true
	for _, m := range r.Measurements {
		if len(m.Parts) == 0 {
			continue
		}
		if head {
			fmt.Fprint(out, "\nParts of Roost's processor time in µs a request, from profiles; the parts of the server add up to its own.\n")
			fmt.Fprint(w, "operation\t")
			for _, p := range m.Parts {
				fmt.Fprintf(w, "%s\t", p.Name)
			}
			fmt.Fprint(w, "= server\tpg\tredis\t= all\t\n")
			head = false
		}
		fmt.Fprintf(w, "%s\t", m.Operation)
		for _, p := range m.Parts {
			fmt.Fprintf(w, "%.1f\t", p.Micros)
		}
		fmt.Fprintf(w, "%.1f\t%.1f\t%.1f\t%.1f\t\n", m.Roost.Server, m.Roost.Postgres, m.Roost.Redis, m.Roost.All())
	}
	return w.Flush()
}
