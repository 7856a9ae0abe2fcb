package costs

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/importedtest"
)

// stepWatch looks at SQLite's plan of every statement of a node. SQLite reports no numbers of rows, so it
// looks at the ways that tables are read.
type stepWatch struct {
	t     testing.TB
	read  *sql.DB
	mu    sync.Mutex
	on    bool              // the node has made its tables
	known map[string]string // plans by statement
}

// fitting steps read no table of the model, or one through an index: json_each reads a list argument, e is a materialized subquery with a
// limit, ranked the replies to tweets, up those above a tweet, b the subquery of a tweet's retweets, parts that of a tweet's counts, and
// h is log_heads, which has one row. Of searches, m are the matches that are ranked, r their page, and p, w and found the users of a page.
// Of searched timelines, w are entries of authors, and m a sample of the matches. search_fills is empty on most days.
var fitting = regexp.MustCompile(
	`^(SEARCH .*|SCAN \w+ VIRTUAL TABLE INDEX \d+:.*|SCAN \d+-ROW VALUES CLAUSE|SCAN CONSTANT ROW|MULTI-INDEX .*|INDEX \d+` +
		`|(LIST|SCALAR|CORRELATED (LIST|SCALAR)) SUBQUERY \d+|CO-ROUTINE .*|SCAN \(?subquery-\d+\)?` +
		`|REUSE LIST SUBQUERY \d+|CREATE BLOOM FILTER|MATERIALIZE e|SCAN ranked|SETUP|RECURSIVE STEP|SCAN up` +
		`|SCAN e LEFT-JOIN|SCAN b|SCAN h|SCAN parts|USE TEMP B-TREE .*` +
		`|MATERIALIZE [mr]|SCAN r LEFT-JOIN|SCAN [mpw]|SCAN found|SCAN search_fills|UNION USING TEMP B-TREE` +
		`|COMPOUND QUERY|LEFT-MOST SUBQUERY|MERGE \(UNION( ALL)?\)|UNION ALL|LEFT|RIGHT)$`)

// shared finds searches for the beginning of a key that many rows may share: all of those are read, unless
// they come in the order of the statement and LIMIT ends the search.
var shared = regexp.MustCompile(`(follows_followers|follows_following|sessions_of_user|tweets_of_author|autoindex_\w+) ` +
	`\((followee_id|follower_id|user_id|author_id|tweet_id)=\?\)`)

// whole are the statements that must read all of such a beginning: any retweet of a tweet may be by somebody whom a viewer follows.
var whole = regexp.MustCompile(`^SELECT k, min\(CASE WHEN active THEN sort_key END\)`)

// watch is a sqldb.Watch.
func (w *stepWatch) watch(ctx context.Context, tx sqldb.Querier, query string, args []any) {
	query = strings.Join(strings.Fields(query), " ")
	w.mu.Lock()
	_, known := w.known[query]
	on := w.on
	w.mu.Unlock()
	if known || !on {
		return
	}
	if tx == nil {
		tx = w.read
	}
	steps, err := steps(context.WithoutCancel(ctx), tx, query, args)
	if err != nil {
		w.t.Errorf("look at the plan of %s: %v", query, err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[query] = strings.Join(steps, "; ")
	ends := strings.Contains(query, " LIMIT ") && !slices.ContainsFunc(steps,
		func(s string) bool { return strings.HasPrefix(s, "USE TEMP B-TREE") })
	for _, s := range steps {
		if !fitting.MatchString(s) || shared.MatchString(s) && !ends && !whole.MatchString(query) {
			w.t.Errorf("%s\n\tof %s", s, query)
		}
	}
}

func steps(ctx context.Context, on sqldb.Querier, query string, args []any) (out []string, err error) {
	rows, err := on.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, fmt.Errorf("read a plan: %w", err)
		}
		out = append(out, step)
	}
	return out, rows.Err()
}

// No statement of any operation reads a whole table of SQLite's, nor all of a beginning of an index that
// many rows share, whether SQLite has statistics of how the rows are spread or not.
func TestPlansOnSQLiteSearch(t *testing.T) {
	t.Parallel()
	for _, imported := range []bool{true, false} {
		t.Run(map[bool]string{true: "imported", false: "new"}[imported], func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			if imported {
				dir = filepath.Dir(importedtest.SQLite(t))
			}
			w := &stepWatch{t: t, known: map[string]string{}}
			own, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "roost.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = own.Close() })
			w.read = own
			r := apitest.New(t, apitest.Embedded, apitest.Metered, func(c *app.Config) { c.DataDir, c.Watch = dir, w.watch })
			w.mu.Lock()
			w.on = true
			w.mu.Unlock()
			db := r.DB(t)
			var c *crowd
			if imported {
				c = importedCrowd(t, r, db, r.SignUp(t, "donor"), apitest.Int(t, db, personas[0].find), crowdOf(t, db, nil), time.Now())
			} else {
				c = newCrowd(t, r)
			}
			for _, op := range slices.Concat(costedReads, farReads, costedWrites, rareWrites) {
				op.priced(t).run(t, c, pageOf)
			}
			for _, p := range costedPushes {
				p.priced(t).run(t, c, pageOf)
			}
			r.Stop()
			classes := 0
			for _, c := range statementClasses {
				if !c.rare {
					classes++
				}
			}
			if len(w.known) < classes {
				t.Errorf("only %d statements were seen, there are %d classes of them", len(w.known), classes)
			}
		})
	}
}
