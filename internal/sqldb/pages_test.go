package sqldb

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	entsql "entgo.io/ent/dialect/sql"

	"roost/internal/cursors"
)

// stored is a row of the table that pages are read of.
type stored struct {
	owner, sortKey, item int64
	live                 bool
}

func fill(t *testing.T, db *DB) (all []stored) {
	t.Helper()
	exec(t, db, "CREATE TABLE entries (owner bigint, sort_key bigint, item bigint, live boolean)")
	exec(t, db, "CREATE INDEX entries_of_owner ON entries (owner, sort_key, item) WHERE live")
	sortKeys := rand.Perm(400)
	var values []string
	for i, sortKey := range sortKeys {
		s := stored{owner: int64(1 + i%9*i%7), sortKey: int64(sortKey + 1), item: rand.Int64N(50), live: rand.IntN(4) > 0}
		all = append(all, s)
		values = append(values, fmt.Sprintf("(%d, %d, %d, %v)", s.owner, s.sortKey, s.item, s.live))
	}
	exec(t, db, "INSERT INTO entries VALUES "+strings.Join(values, ", "))
	return all
}

// naive reads a page by looking at every row.
func naive(all []stored, k Key) (p cursors.Page[Row]) {
	var in []Row
	for _, s := range all {
		if s.owner == k.Owner && s.live && s.sortKey < k.Window.Above && s.sortKey > k.Window.Below {
			in = append(in, Row{SortKey: s.sortKey, Item: s.item})
		}
	}
	slices.SortFunc(in, func(a, b Row) int { return cmp.Compare(b.SortKey, a.SortKey) })
	n := min(len(in), k.Window.Size)
	p.More = len(in) > n
	if k.Window.Backward {
		p.Items = in[len(in)-n:]
	} else {
		p.Items = in[:n]
	}
	return p
}

// Pages of many owners, of several sizes, from both ends and between any sort keys, are those that looking
// at every row returns.
func TestPagesEqualTheNaiveOnes(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		all := fill(t, db)
		lists := Lists{Table: "entries", Owner: "owner", SortKey: "sort_key", Item: "item", Where: "live"}
		for range 60 {
			var keys []Key
			for range 1 + rand.IntN(30) {
				k := Key{Owner: rand.Int64N(12), Window: cursors.Whole(1 + rand.IntN(5)*rand.IntN(40))}
				if rand.IntN(2) == 0 {
					k.Window.Above = 1 + rand.Int64N(402)
				}
				if rand.IntN(2) == 0 {
					k.Window.Below = rand.Int64N(402)
				}
				k.Window.Backward = rand.IntN(2) == 0
				keys = append(keys, k)
			}
			got, err := lists.Pages(t.Context(), db.Driver, keys)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range keys {
				if want := naive(all, k); !slices.Equal(got[k].Items, want.Items) || got[k].More != want.More {
					t.Fatalf("%+v is %+v, want %+v", k, got[k], want)
				}
			}
		}
		if got, err := lists.Pages(t.Context(), db.Driver, nil); err != nil || len(got) != 0 {
			t.Errorf("no keys give %v, %v", got, err)
		}
		empty := Key{Owner: 1, Window: cursors.Window{Size: 5, Above: math.MinInt64, Below: math.MaxInt64}}
		if got, err := lists.Pages(t.Context(), db.Driver, []Key{empty}); err != nil || len(got[empty].Items) != 0 {
			t.Errorf("between nothing lies %v, %v", got, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := lists.Pages(ended, db.Driver, []Key{empty}); err == nil {
			t.Error("a page is read for a request that ended")
		}
	})
}

// A list of ids is one argument, whether it is empty or long.
func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		exec(t, db, "CREATE TABLE things (id bigint)")
		long := make([]int64, 5000)
		for i := range long {
			long[i] = int64(i) * 1e12
		}
		rows, err := db.QueryContext(t.Context(), "SELECT a.id FROM "+db.Rows("$1", "a")+" ORDER BY a.id", db.List(long))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var got []int64
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if rows.Err() != nil || !slices.Equal(got, long) {
			t.Errorf("%d ids come back, %v", len(got), rows.Err())
		}
		exec(t, db, "INSERT INTO things VALUES (1), (2), (9007199254740993)")
		for _, c := range []struct {
			ids  []int64
			want int
		}{{nil, 0}, {[]int64{}, 0}, {[]int64{2, 2, 5}, 1}, {[]int64{9007199254740993}, 1}, {[]int64{9007199254740992}, 0}} {
			var n int
			if err := db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM things WHERE "+db.Member("id", "$1"), db.List(c.ids)).
				Scan(&n); err != nil || n != c.want {
				t.Errorf("%v finds %d, %v; want %d", c.ids, n, err, c.want)
			}
		}
	})
}

// A list of texts is one argument of a statement, whatever the texts contain.
func TestTextsInAList(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB) {
		all := []string{"", "ada", `a,b"c\{}`, "NULL", "<ß&>", "it's", "語"}
		exec(t, db, "CREATE TABLE words (word varchar(20) PRIMARY KEY)")
		for _, w := range all {
			exec(t, db, "INSERT INTO words VALUES ($1)", w)
		}
		for _, c := range []struct {
			words []string
			want  int
		}{{nil, 0}, {[]string{}, 0}, {[]string{"ada", "bob"}, 1}, {[]string{"a", "b"}, 0}, {all, len(all)}} {
			s := entsql.Dialect(db.Dialect()).Select(entsql.Count("*")).From(entsql.Table("words"))
			In("word", c.words)(s)
			query, args := s.Query()
			var n int
			if err := ScanOne(t.Context(), db, query, args, &n); err != nil || n != c.want {
				t.Errorf("%q finds %d, %v; want %d", c.words, n, err, c.want)
			}
		}
	})
}
