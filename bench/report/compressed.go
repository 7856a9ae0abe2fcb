package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// plainHome is the measurement that compressed answers are shown beside.
const plainHome = "home " + Closed

// printCompressed writes what compressed answers save and cost, beside the same answers without compression.
func (r *Results) printCompressed(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "\nhome page\tcompressed\tbytes\tof plain\tserver µs\tmore than plain\tall µs\tratio to the plain baseline\t"
	plain := r.find(plainHome)
	row := func(name string, m *Measurement) {
		of, more := "-", "-"
		if plain != nil {
			of = fmt.Sprintf("%.0f%%", 100*m.Roost.Bytes/plain.Roost.Bytes)
			more = fmt.Sprintf("%+.0f", m.Roost.Server-plain.Roost.Server)
		}
		fmt.Fprintf(w, "%s\t%.0f%%\t%.0f\t%s\t%.0f\t%s\t%.0f\t%.2f (%.2f-%.2f)\t\n", name, 100*m.Roost.Encoded, m.Roost.Bytes, of,
			m.Roost.Server, more, m.Roost.All(), m.Ratio, m.RatioLow, m.RatioHigh)
	}
	for i := range r.Measurements {
		m := &r.Measurements[i]
		if m.Encoding == "" {
			continue
		}
		if head != "" {
			fmt.Fprintln(w, head)
			head = ""
			if plain != nil {
				row("plain", plain)
			}
		}
		row(m.Encoding, m)
	}
	return w.Flush()
}
