package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/app"
	"roost/ent"
	"roost/ent/migrations"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/pgtest"
	"roost/testkit/rig"
)

// recorded is what the commit before migration 8 answered, on the database in the SQL file of the same name.
type recorded struct {
	At      time.Time
	Session string
	Reads   []struct {
		Query     string
		Variables apitest.Vars
		Data      json.RawMessage
	}
	// Streams are event cursors of home timelines, and what a subscription after each of them got.
	Streams []struct {
		After  string
		Events []json.RawMessage
	}
	// DeadLetters are those of the group archive, Retrying the events that the group digest was to try again.
	DeadLetters []struct {
		Seq    int64
		Reason string
	}
	Retrying []int64
}

// homeAfter is the subscription that was recorded.
const homeAfter = `subscription($after: String) { homeTimelineEvents(after: $after) { __typename
	... on TimelineEntryAdded { cursor edge { cursor node { id text } } }
	... on TimelineEntryRemoved { cursor tweetId } ... on TimelineReset { cursor reason } } }`

// handled records what a consumer group handles.
type handled struct {
	mu  sync.Mutex
	all []int64
}

func (h *handled) group(name string) events.GroupConfig {
	return events.GroupConfig{Name: name, Types: []string{"TweetPosted"}, Partitions: 2, Poll: 10 * time.Millisecond,
		Handler: events.HandlerFunc(func(_ context.Context, _ *ent.Tx, batch []events.Entry) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, e := range batch {
				if _, err := e.Event(); err != nil {
					return err
				}
				h.all = append(h.all, e.Seq)
			}
			return nil
		})}
}

// seqs returns the seqs of the handled events, in ascending order.
func (h *handled) seqs() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(slices.Values(h.all))
}

// loadFile fills an empty database from a file.
func loadFile(t *testing.T, c sqldb.Config, file string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().ExecContext(t.Context(), string(text)); err != nil {
		t.Fatalf("load %s: %v", file, err)
	}
	if db.IsPostgres() {
		// The fixture is in another cluster now, and is to be what it was.
		if _, err := db.Writer().ExecContext(t.Context(), "UPDATE public.log_heads SET lineage = public.roost_lineage()"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// compacted is JSON without its white space.
func compacted(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A database of the commit before migration 8 is served as that commit served it: sessions, cursors, streams, consumer groups,
// events to retry and dead letters go on.
func TestDatabaseAtMigration7(t *testing.T) {
	t.Parallel()
	for m, name := range map[apitest.Mode]string{apitest.Embedded: "sqlite", apitest.Server: "postgres"} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", "schema7", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var want recorded
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			now := clock.NewFake(want.At.Add(30 * time.Second))
			var archive, digest handled
			r := apitest.New(t, m, func(c *app.Config) {
				c.Clock, c.Groups = now, append(c.Groups, archive.group("archive"), digest.group("digest"))
				file := filepath.Join("testdata", "schema7", name+".sql")
				if m == apitest.Embedded {
					if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
						t.Fatal(err)
					}
					loadFile(t, sqldb.Config{File: filepath.Join(c.DataDir, "roost.db")}, file)
					return
				}
				c.DatabaseURL = pgtest.URL(t)
				loadFile(t, sqldb.Config{URL: c.DatabaseURL, MaxConns: 2}, file)
				db := rig.OpenURL(t, c.DatabaseURL)
				if n, err := migrations.Up(t.Context(), db.Writer()); err != nil || n == 0 {
					t.Fatalf("%d migrations applied, %v", n, err)
				}
			})
			db := r.DB(t)
			head := want.checkLog(t, db)
			ada := &apitest.User{Client: r.As(want.Session)}
			for _, read := range want.Reads {
				if got := ada.Must(t, read.Query, read.Variables).Data; compacted(t, got) != compacted(t, read.Data) {
					t.Errorf("%s %v answers\n%s\nand answered\n%s", read.Query, read.Variables, got, compacted(t, read.Data))
				}
			}
			bob := r.LogIn(t, &apitest.User{Name: "bob_b", Password: "another horse"})

			open := map[string]*apitest.Stream{}
			for _, s := range want.Streams {
				stream := ada.Dial(t).Subscribe(t, homeAfter, apitest.Vars{"after": s.After})
				open[s.After] = stream
				for _, event := range s.Events {
					if got := stream.Next(t).Data; compacted(t, got) != compacted(t, event) {
						t.Errorf("the stream from %s goes on with\n%s\nand went on with\n%s", s.After, got, compacted(t, event))
					}
				}
			}
			posted := bob.Tweet(t, "after the migration")
			for cursor, stream := range open {
				if got := stream.Next(t); got.String("homeTimelineEvents.edge.node.id") != posted {
					t.Errorf("the stream from %s goes on with %s, want %s", cursor, got.Body, posted)
				}
			}
			want.checkGroups(t, db, now, head, &archive, &digest)
		})
	}
}

// checkLog wants every entry of the log to be readable, and returns where the log ends.
func (want *recorded) checkLog(t *testing.T, db *sqldb.DB) (head int64) {
	t.Helper()
	log, err := events.NewReader(db).After(t.Context(), 0, math.MaxInt64, 1000)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	for _, e := range log.Entries {
		types[e.Type] = true
		if _, err := e.Event(); err != nil {
			t.Error(err)
		}
	}
	if len(log.Entries) != 40 || len(types) != 13 || log.Head != 40 {
		t.Errorf("the log has %d events of %d types and ends at %d", len(log.Entries), len(types), log.Head)
	}
	return log.Head
}

// checkGroups wants the groups to go on from their positions, with the events that they had failed to handle.
func (want *recorded) checkGroups(t *testing.T, db *sqldb.DB, now *clock.Fake, head int64, archive, digest *handled) {
	t.Helper()
	admin := events.NewAdmin(ent.NewClient(ent.Driver(db.Driver)), db, now)
	letters, err := admin.DeadLetters(t.Context(), "", 100)
	if err != nil || len(letters) != len(want.DeadLetters) {
		t.Fatalf("%d dead letters, %v; want %v", len(letters), err, want.DeadLetters)
	}
	var dead []int64
	for i, d := range letters {
		dead = append(dead, d.Entry.Seq)
		if d.Group != "archive" || d.Entry.Seq != want.DeadLetters[i].Seq || d.Reason != want.DeadLetters[i].Reason {
			t.Errorf("dead letter %+v, want %v", d, want.DeadLetters[i])
		}
	}
	apitest.Until(t, "the new tweet in both groups", func() bool { return len(archive.seqs()) == 1 && len(digest.seqs()) == 1 })
	if first := archive.seqs()[0]; first <= head {
		t.Errorf("the group archive handled event %d again", first)
	}
	now.Add(2 * time.Minute)
	if n, err := admin.Retry(t.Context(), "archive", 0); err != nil || n != len(dead) {
		t.Errorf("%d dead letters are tried again, %v", n, err)
	}
	apitest.Until(t, "the dead letters to be handled", func() bool { return len(archive.seqs()) == len(dead)+1 })
	apitest.Until(t, "the events to retry to be handled", func() bool { return len(digest.seqs()) == len(want.Retrying)+1 })
	if got := archive.seqs(); !slices.Equal(got[:len(dead)], dead) {
		t.Errorf("the group archive handled %v, want %v", got, dead)
	}
	if got := digest.seqs(); !slices.Equal(got[:len(want.Retrying)], want.Retrying) {
		t.Errorf("the group digest handled %v, want %v", got, want.Retrying)
	}
}
