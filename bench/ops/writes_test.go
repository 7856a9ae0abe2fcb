package ops

import (
	"database/sql"
	"testing"

	_ "github.com/lib/pq"

	"roost/bench/load"
	"roost/testkit/pgtest"
)

// someWorld has a hundred thousand reactions that may be set.
func someWorld() *World {
	w := &World{Viral: 1}
	for i := range int64(100) {
		w.Viewers = append(w.Viewers, Viewer{ID: i, Key: string(rune('a' + i))})
	}
	for i := range int64(1000) {
		w.Tweets = append(w.Tweets, i)
	}
	return w
}

// Runs of an operation that writes ask for something else each time, and both targets for the same.
func TestRunsGoOn(t *testing.T) {
	t.Parallel()
	react := someWorld().react()
	draw := func(tr load.Traffic) (all []string) {
		for worker := range 4 {
			source := tr.Source(worker, 4)
			for range 50 {
				all = append(all, string(source(nil)))
			}
		}
		return all
	}
	again := 0
	seen := map[string]bool{}
	for range 3 {
		for _, request := range draw(react.Roost) {
			if seen[request] {
				again++
			}
			seen[request] = true
		}
	}
	if again > 600/20 {
		t.Errorf("%d of 600 requests were asked before", again)
	}
	if first, second := draw(someWorld().react().Roost), draw(someWorld().react().Roost); first[7] != second[7] {
		t.Error("two programs ask for different things")
	}
}

// tables is a server with the tables of reactions.
func tables(t *testing.T) Server {
	t.Helper()
	db, err := sql.Open("postgres", pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := Server{Name: "roost", DB: db}
	s.exec(t, `CREATE TABLE reactions (tweet_id bigint, user_id bigint, kind smallint)`)
	s.exec(t, `CREATE TABLE tweet_stats (tweet_id bigint, like_count bigint, dislike_count bigint, revision bigint)`)
	s.exec(t, `CREATE TABLE reaction_deltas (tweet_id bigint, likes bigint, dislikes bigint, changes bigint)`)
	return s
}

func (s Server) exec(t *testing.T, query string) {
	t.Helper()
	if _, err := s.DB.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestCheckCounts(t *testing.T) {
	t.Parallel()
	s := tables(t)
	for _, step := range []struct {
		name, query string
		right       bool
	}{
		{"nothing", "SELECT 1", true},
		{"right", "INSERT INTO reactions VALUES (1, 1, 1), (1, 2, 1), (1, 3, 2), (1, 4, 0); " +
			"INSERT INTO tweet_stats VALUES (1, 2, 1, 3), (2, 0, 0, 0)", true},
		{"a lost like", "UPDATE tweet_stats SET like_count = 1 WHERE tweet_id = 1", false},
		{"found again", "UPDATE tweet_stats SET like_count = 2 WHERE tweet_id = 1", true},
		{"counts without reactions", "INSERT INTO tweet_stats VALUES (3, 1, 0, 1)", false},
		{"none of both", "DELETE FROM tweet_stats WHERE tweet_id = 3", true},
		{"reactions without counts", "INSERT INTO reactions VALUES (4, 1, 2)", false},
		{"a delta without counts", "INSERT INTO reaction_deltas VALUES (4, 0, 1, 1)", true},
		{"a delta beside counts", "UPDATE tweet_stats SET like_count = 5 WHERE tweet_id = 1; " +
			"INSERT INTO reaction_deltas VALUES (1, -2, 0, 2), (1, -1, 0, 1)", true},
		{"a delta added and not deleted", "UPDATE tweet_stats SET like_count = 2 WHERE tweet_id = 1", false},
		{"drained", "DELETE FROM reaction_deltas WHERE tweet_id = 1", true},
	} {
		s.exec(t, step.query)
		if err := CheckCounts(t.Context(), s); (err == nil) != step.right {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

func TestWritesThatChangeNothing(t *testing.T) {
	t.Parallel()
	s := tables(t)
	s.exec(t, "INSERT INTO tweet_stats VALUES (1, 0, 0, 40)")
	w := someWorld()
	for i, c := range []struct {
		op             Operation
		asked, changes int
		right          bool
	}{
		{w.react(), 100, 100, true}, {w.react(), 100, 90, true}, {w.react(), 100, 89, false}, {w.react(), 100, 0, false},
		{w.viral(), 200, 80, true}, {w.viral(), 200, 79, false}, {w.react(), 0, 0, true},
		{Operation{Name: "home", Roost: w.react().Roost}, 100, 0, true},
	} {
		writes, err := Watch(t.Context(), s, c.op)
		if err != nil {
			t.Fatal(err)
		}
		source := writes.Count(c.op.Roost).Source(0, 1)
		for range c.asked {
			source(nil)
		}
		// Every second case leaves its changes in a delta.
		change := []string{"UPDATE tweet_stats SET revision = revision + $1", "INSERT INTO reaction_deltas VALUES (1, 0, 0, $1)"}[i%2]
		if _, err := s.DB.ExecContext(t.Context(), change, c.changes); err != nil {
			t.Fatal(err)
		}
		if err := writes.Check(t.Context()); (err == nil) != c.right {
			t.Errorf("%s, %d of %d: %v", c.op.Name, c.changes, c.asked, err)
		}
	}
}
