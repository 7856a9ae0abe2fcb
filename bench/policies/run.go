package policies

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"roost/bench/load"
	"roost/internal/reqstats"
	"roost/internal/sqldb"
)

// Stores names the stores that the policies run on. A run removes everything from the Redis, and drops the tables policy_rows and
// policy_events of the database.
type Stores struct {
	DB    *sqldb.DB
	Redis string // URL
}

// Load describes the clients. Each runs one operation after the other at one of the two nodes. Keys follow a Zipf law with exponent 1.
type Load struct {
	Clients  int           `json:"clients"`
	Keys     int           `json:"keys"`
	Writes   float64       `json:"writes"` // part of the operations
	Warm     time.Duration `json:"warm_ns"`
	Duration time.Duration `json:"duration_ns"`
}

// Standard is the load of the figures in docs/policies.md.
var Standard = Load{Clients: 32, Keys: 2000, Writes: 0.05, Warm: time.Second, Duration: 3 * time.Second}

// Cost is the time that operations took, and their average number of statements and round trips. A fetch that several reads share counts
// for the read that began it. What policies do in the background, flushes and relays, does not count.
type Cost struct {
	PerSecond  float64 `json:"per_second"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Statements float64 `json:"statements"`
	Trips      float64 `json:"redis_trips"`
}

// Result is the result of one run. The verdict covers the whole run; the costs exclude the warm-up.
type Result struct {
	Way     string  `json:"policy"`
	Fault   string  `json:"fault"`
	Reads   Cost    `json:"reads"`
	Writes  Cost    `json:"writes"`
	Verdict Verdict `json:"verdict"`
}

// nodes is how many nodes a policy runs as.
const nodes = 2

// place holds one of the running nodes. When the node dies, a new one takes its place.
type place struct{ node atomic.Pointer[living] }

// living is a node that has not died.
type living struct {
	Policy
	dead atomic.Bool
}

// run is the state of a run.
type run struct {
	way    Way
	fault  Fault
	load   Load
	stores Stores
	table  *table
	places [nodes]place
	start  time.Time

	changes atomic.Int64
	zipf    []float64 // sums of weights
}

// Run runs a policy with a fault.
func Run(ctx context.Context, s Stores, way Way, fault Fault, l Load) (_ *Result, err error) {
	r := &run{way: way, fault: fault, load: l, stores: s, zipf: make([]float64, l.Keys)}
	sum := 0.0
	for i := range r.zipf {
		sum += 1 / float64(i+1)
		r.zipf[i] = sum
	}
	if r.table, err = newTable(ctx, s.DB, l.Keys); err != nil {
		return nil, err
	}
	if err := emptied(ctx, s.Redis); err != nil {
		return nil, err
	}
	for i := range r.places {
		if err := r.settle(&r.places[i]); err != nil {
			return nil, errors.Join(err, r.stop(ctx))
		}
	}
	r.start = time.Now()
	clients, err := r.clients(ctx)
	if err := errors.Join(err, r.stop(ctx)); err != nil {
		return nil, fmt.Errorf("%s, %s: %w", way.Name, fault.Name, err)
	}
	return r.result(clients), nil
}

// settle starts a new node at a place.
func (r *run) settle(p *place) error {
	made, err := r.way.open(node{table: r.table, redis: r.stores.Redis, steps: r.fault.steps, flush: flushEvery})
	if err != nil {
		return err
	}
	p.node.Store(&living{Policy: made})
	return nil
}

func (r *run) stop(ctx context.Context) error {
	var all []error
	for i := range r.places {
		if n := r.places[i].node.Load(); n != nil {
			all = append(all, n.Stop(ctx))
		}
	}
	return errors.Join(all...)
}

// replace kills the node at a place and starts another there.
func (r *run) replace() error {
	p := &r.places[rand.IntN(nodes)]
	old := p.node.Load()
	old.dead.Store(true)
	_ = old.Die() // it is dead in any case
	return r.settle(p)
}

// clients runs the load and the faults, and returns what each client saw.
func (r *run) clients(ctx context.Context) ([]*client, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	until := r.load.Warm + r.load.Duration
	all := make([]*client, r.load.Clients)
	errs := make([]error, len(all)+2)
	var working, faulty sync.WaitGroup
	for i := range all {
		all[i] = &client{run: r}
		working.Go(func() {
			for time.Since(r.start) < until && ctx.Err() == nil {
				if errs[i] = all[i].act(ctx); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	faultCtx, end := context.WithCancel(ctx)
	faulty.Go(func() {
		errs[len(all)] = every(faultCtx, r.fault.flush, func() error { return emptied(faultCtx, r.stores.Redis) })
	})
	faulty.Go(func() { errs[len(all)+1] = every(faultCtx, r.fault.deaths, r.replace) })
	working.Wait()
	end()
	faulty.Wait()
	return all, errors.Join(errs...)
}

// client runs the operations of one client.
type client struct {
	*run
	history        []Op
	reads, written tally
}

// tally adds up costs.
type tally struct {
	latency           load.Histogram
	statements, trips int64
}

// act runs one read or write.
func (c *client) act(ctx context.Context) error {
	at := c.places[rand.IntN(nodes)].node.Load()
	op := Op{Key: 1 + int64(min(sort.SearchFloat64s(c.zipf, rand.Float64()*c.zipf[len(c.zipf)-1]), len(c.zipf)-1)),
		Write: rand.Float64() < c.load.Writes}
	ctx, asked := reqstats.With(ctx)
	counted := &c.reads
	if op.Write {
		counted, op.Change = &c.written, c.changes.Add(1)
	}
	var err error
	op.Start = time.Since(c.start)
	if op.Write {
		err = at.Write(ctx, op.Key, op.Change)
	} else {
		op.Change, err = at.Read(ctx, op.Key)
	}
	op.End = time.Since(c.start)
	switch {
	case at.dead.Load(), errors.Is(err, errDied):
		return nil // nobody had an answer
	case err != nil:
		return err
	}
	c.history = append(c.history, op)
	if op.Start >= c.load.Warm {
		counted.latency.Record(op.End - op.Start)
		counted.statements += asked.Statements()
		counted.trips += asked.RoundTrips()
	}
	return nil
}

// result adds up what clients saw.
func (r *run) result(clients []*client) *Result {
	var reads, writes tally
	var history []Op
	for _, c := range clients {
		reads.add(&c.reads)
		writes.add(&c.written)
		history = append(history, c.history...)
	}
	commits := make(map[int64]Commit, len(r.table.commits))
	for change, c := range r.table.commits {
		commits[change] = Commit{Key: c.key, Version: c.version, At: c.at.Sub(r.start)}
	}
	return &Result{Way: r.way.Name, Fault: r.fault.Name, Reads: reads.cost(r.load.Duration), Writes: writes.cost(r.load.Duration),
		Verdict: Check(history, commits)}
}

func (t *tally) add(other *tally) {
	t.latency.Add(&other.latency)
	t.statements += other.statements
	t.trips += other.trips
}

func (t *tally) cost(d time.Duration) Cost {
	n := float64(max(1, t.latency.Count()))
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return Cost{PerSecond: float64(t.latency.Count()) / d.Seconds(), P50: ms(t.latency.Quantile(0.5)), P99: ms(t.latency.Quantile(0.99)),
		Statements: float64(t.statements) / n, Trips: float64(t.trips) / n}
}
