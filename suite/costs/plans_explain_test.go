package costs

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"roost/internal/sqldb"
)

// planNode is a node of a plan in JSON. Counts of rows are means over the node's loops.
type planNode struct {
	Type      string     `json:"Node Type"`
	Table     string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Rows      float64    `json:"Actual Rows"`
	Loops     float64    `json:"Actual Loops"`
	Filtered  float64    `json:"Rows Removed by Filter"`
	Rechecked float64    `json:"Rows Removed by Index Recheck"`
	Hit       int        `json:"Shared Hit Blocks"`
	Read      int        `json:"Shared Read Blocks"`
	Plans     []planNode `json:"Plans"`
}

// planReading is what running one statement took.
type planReading struct {
	// rows were read from tables and indexes, whether they were given or thrown away; blocks is how often
	// a page was looked at, given how many rows came out.
	rows, blocks, given int
	// whole are the rows that were read by scans of whole tables, entries those of indexes that made bitmaps.
	whole, entries int
	// bad says what no plan may have.
	bad []string
	// scans are the ways tables were read, for people.
	scans []string
}

func (r *planReading) add(p planNode) {
	// The means are rounded: what is not half a row a loop goes unnoticed.
	n := int(math.Round((p.Rows + p.Filtered + p.Rechecked) * p.Loops))
	switch {
	case p.Type == "Bitmap Index Scan":
		// Its heap scan counts the rows that are left of these.
		r.entries += n
	case strings.HasPrefix(p.Type, "Gather"):
		r.bad = append(r.bad, "a parallel plan")
	case p.Table != "" && strings.HasSuffix(p.Type, "Scan"):
		r.rows += n
		if p.Type == "Seq Scan" {
			r.whole += n
		}
	}
	if strings.HasSuffix(p.Type, "Scan") && p.Table+p.Index != "" {
		r.scans = append(r.scans, fmt.Sprintf("%s of %s %s: %.0f+%.0f rows × %.0f", p.Type, p.Table, p.Index, p.Rows, p.Filtered+p.Rechecked,
			p.Loops))
	}
	for _, child := range p.Plans {
		r.add(child)
	}
}

// explain runs a statement and returns what that took, in a transaction. It changes what the statement changes. PostgreSQL looks
// at the arguments when it makes the plan. If the plan is shared, PostgreSQL makes one for all arguments, as nodes demand for
// prepared statements.
func explain(ctx context.Context, on sqldb.Querier, shared bool, query string, args []any) (r planReading, err error) {
	if shared {
		for _, q := range []string{"SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE looked_at AS " + query} {
			if _, err := on.ExecContext(ctx, q); err != nil {
				return r, err
			}
		}
		list, err := literals(args)
		if err != nil {
			return r, err
		}
		query, args = "EXECUTE looked_at"+list, nil
		defer func() {
			if _, e := on.ExecContext(ctx, "DEALLOCATE looked_at"); err == nil {
				err = e
			}
		}()
	}
	return explained(ctx, on, query, args)
}

// literals returns arguments as a list in SQL.
func literals(args []any) (string, error) {
	var out []string
	for _, arg := range args {
		if kind := reflect.ValueOf(arg).Kind(); kind == reflect.Slice {
			if _, raw := arg.([]byte); !raw {
				arg = pq.Array(arg)
			}
		}
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return "", err
		}
		switch v := v.(type) {
		case nil:
			out = append(out, "NULL")
		case []byte:
			out = append(out, pq.QuoteLiteral(`\x`+hex.EncodeToString(v)))
		case time.Time:
			out = append(out, pq.QuoteLiteral(string(pq.FormatTimestamp(v))))
		default:
			out = append(out, pq.QuoteLiteral(fmt.Sprint(v)))
		}
	}
	if len(out) == 0 {
		return "", nil
	}
	return "(" + strings.Join(out, ", ") + ")", nil
}

func explained(ctx context.Context, on sqldb.Querier, query string, args []any) (r planReading, err error) {
	rows, err := on.QueryContext(ctx, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "+query, args...)
	if err != nil {
		return r, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return r, fmt.Errorf("no plan came: %w", rows.Err())
	}
	var text []byte
	if err := rows.Scan(&text); err != nil {
		return r, err
	}
	var out []struct {
		Plan planNode
		JIT  any
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out) != 1 {
		return r, fmt.Errorf("read the plan: %w: %s", err, text)
	}
	r.add(out[0].Plan)
	r.given = int(out[0].Plan.Rows)
	r.blocks = out[0].Plan.Hit + out[0].Plan.Read
	if out[0].JIT != nil {
		r.bad = append(r.bad, "machine code is generated for it, which takes longer than running it")
	}
	return r, rows.Err()
}

// undone runs fn in the transaction and undoes what it changed.
func undone(ctx context.Context, tx sqldb.Querier, fn func() error) (err error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT look"); err != nil {
		return err
	}
	err = fn()
	for _, q := range []string{"ROLLBACK TO SAVEPOINT look", "RELEASE SAVEPOINT look"} {
		if _, e := tx.ExecContext(ctx, q); err == nil {
			err = e
		}
	}
	return err
}

// planWatch looks at the plan of every statement of a node just before it runs, in the transaction that it is
// part of, so that the rows are as the statement finds them.
type planWatch struct {
	t  testing.TB
	db *sql.DB

	mu    sync.Mutex
	doing string
	worst map[string]*tally
	seen  map[string]struct{} // statements with their arguments, and those without a class
	// classes holds the classes of statements by their texts; classOf tries a hundred patterns.
	classes map[string]*statementClass
}

func newPlanWatch(t testing.TB, db *sql.DB) *planWatch {
	return &planWatch{t: t, db: db, worst: map[string]*tally{}, seen: map[string]struct{}{}, classes: map[string]*statementClass{}}
}

// tally is what the statements of a class took at worst.
type tally struct {
	runs, failures      int
	rows, bound, blocks int
	doing, scans        string // of the run that read most rows
}

// during names what the node is doing from now on.
func (w *planWatch) during(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doing = what
}

// watch is a sqldb.Watch.
func (w *planWatch) watch(ctx context.Context, tx sqldb.Querier, query string, args []any) {
	if w.again(tx, query, args) {
		return
	}
	for _, shared := range []bool{false, true} {
		r, err := w.look(context.WithoutCancel(ctx), tx, shared, query, args)
		if err != nil {
			w.t.Errorf("look at the plan of %s: %v", query, err)
			return
		}
		w.judge(query, args, shared, r)
	}
}

// again reports whether a statement that changes nothing has been looked at with the same arguments.
func (w *planWatch) again(tx sqldb.Querier, query string, args []any) bool {
	if tx != nil {
		return false
	}
	key := fmt.Sprintf("%s %v", query, args)
	w.mu.Lock()
	defer w.mu.Unlock()
	_, seen := w.seen[key]
	w.seen[key] = struct{}{}
	return seen
}

// look explains the statement in its transaction, or in one of its own, and undoes what that changed.
func (w *planWatch) look(ctx context.Context, tx sqldb.Querier, shared bool, query string, args []any) (r planReading, err error) {
	if tx == nil {
		own, err := w.db.BeginTx(ctx, nil)
		if err != nil {
			return r, err
		}
		defer func() { _ = own.Rollback() }()
		return explain(ctx, own, shared, query, args)
	}
	err = undone(ctx, tx, func() error {
		r, err = explain(ctx, tx, shared, query, args)
		return err
	})
	return r, err
}

// smallTable is how many rows a scan of a whole table may read: of a table of a page or two PostgreSQL reads
// all, whatever indexes there are.
const smallTable = 64

// A statement may look at pages so often for each row that it may read: on the way down an index of four
// levels, and in the table. Besides, a new connection looks up what the tables and indexes are.
const rowBlocks, coldBlocks = 6, 250

func (w *planWatch) judge(query string, args []any, shared bool, r planReading) {
	query = strings.Join(strings.Fields(query), " ")
	w.mu.Lock()
	defer w.mu.Unlock()
	c, known := w.classes[query]
	if !known {
		c = classOf(query)
		w.classes[query] = c
	}
	if c == nil {
		if _, told := w.seen[query]; !told {
			w.t.Errorf("%s: no bound is known for the statement %s", w.doing, query)
		}
		w.seen[query] = struct{}{}
		return
	}
	most := c.most(args, r.given)
	if w.worst[c.name] == nil {
		w.worst[c.name] = &tally{}
	}
	got := w.worst[c.name]
	got.runs++
	if got.runs == 1 || r.rows > got.rows {
		got.rows, got.bound, got.doing, got.scans = r.rows, most, w.doing, strings.Join(r.scans, "; ")
	}
	got.blocks = max(got.blocks, r.blocks)
	if bound := coldBlocks + rowBlocks*most; r.blocks > bound {
		r.bad = append(r.bad, fmt.Sprintf("it looks at pages %d times, more than %d", r.blocks, bound))
	}
	if r.whole > smallTable && !(c.batch && r.whole <= most) {
		r.bad = append(r.bad, fmt.Sprintf("it reads whole tables, %d rows", r.whole))
	}
	// What the looks of this test left behind, dead, is in indexes too.
	if r.entries > 2*most+maxSmallRows {
		r.bad = append(r.bad, fmt.Sprintf("it makes bitmaps of %d entries of indexes, for at most %d rows", r.entries, most))
	}
	if r.rows > most {
		r.bad = append(r.bad, fmt.Sprintf("it reads %d rows, more than %d: %s", r.rows, most, c.why))
	}
	if len(r.bad) == 0 {
		return
	}
	if got.failures++; got.failures <= 3 {
		name := c.name
		if shared {
			name += ", with one plan for all arguments"
		}
		w.t.Errorf("%s: %s: %s\n\t%s\n\t%s", w.doing, name, strings.Join(r.bad, "; "), strings.Join(r.scans, "\n\t"), query)
	}
}

// report logs the worst of each class, and fails for classes of which no statement ran, if they are not rare.
func (w *planWatch) report() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(w.worst)) {
		g := w.worst[name]
		w.t.Logf("%-34s %5d runs, at worst %6d rows of %6d, %6d blocks; %s: %s", name, g.runs, g.rows, g.bound, g.blocks, g.doing, g.scans)
	}
	for _, c := range statementClasses {
		if w.worst[c.name] == nil && !c.rare {
			w.t.Errorf("no operation runs %s", c.name)
		}
	}
}
