package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Tracking is what invalidations cost while nodes have copies of what is invalidated.
type Tracking struct {
	Rows []TrackingRow `json:"rows"`
}

// TrackingRow has the figures with a number of nodes, in µs of processor time.
type TrackingRow struct {
	Nodes int `json:"nodes"`
	// Alone and Batched are what an INVALIDATE costs Redis, with the reports to the nodes, if it is sent by itself or in a pipeline of 20.
	Alone   float64 `json:"alone_redis_us"`
	Batched float64 `json:"batched_redis_us"`
	// AloneOwn and BatchedOwn are what it costs the writer and all nodes together.
	AloneOwn   float64 `json:"alone_own_us"`
	BatchedOwn float64 `json:"batched_own_us"`
	// TailAlone and TailBatched are what the repetition of one event by the tail of one node costs Redis, if the tail has one event or 20;
	// TailAloneOwn and TailBatchedOwn what it costs the node.
	TailAlone      float64 `json:"tail_alone_redis_us"`
	TailBatched    float64 `json:"tail_batched_redis_us"`
	TailAloneOwn   float64 `json:"tail_alone_node_us"`
	TailBatchedOwn float64 `json:"tail_batched_node_us"`
}

// print writes the figures as tables.
func (t *Tracking) print(out io.Writer) error {
	fmt.Fprint(out, "\nInvalidations while nodes track the keys, in µs. INVALIDATE: of Redis for a key, and of the writer and all nodes\n"+
		"together, if it is sent by itself or 20 at once. Tail: for an event of 3 keys and one node, if the tail has one event or 20 at once.\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "nodes\tINVALIDATE redis\tprocesses\t20 at once: redis\tprocesses\ttail redis\tnode\t20 at once: redis\tnode\t")
	for _, r := range t.Rows {
		fmt.Fprintf(w, "%d\t%.2f\t%.2f\t%.2f\t%.2f\t", r.Nodes, r.Alone, r.AloneOwn, r.Batched, r.BatchedOwn)
		if r.Nodes == 0 {
			fmt.Fprint(w, "-\t-\t-\t-\t\n")
			continue
		}
		fmt.Fprintf(w, "%.2f\t%.2f\t%.2f\t%.2f\t\n", r.TailAlone, r.TailAloneOwn, r.TailBatched, r.TailBatchedOwn)
	}
	return w.Flush()
}
