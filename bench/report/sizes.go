package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Sizes are what Roost's stores hold for each row and each entry of the cache, and what requests make of them. `roost capacity`
// computes from them what a larger site needs.
type Sizes struct {
	Population Population  `json:"population"`
	Tables     []TableSize `json:"tables"`
	Entries    []EntrySize `json:"entries"`
	Requests   []Footprint `json:"requests"`
}

// Population is how much data there is.
type Population struct {
	Users     int64 `json:"users"`
	Follows   int64 `json:"follows"`
	Tweets    int64 `json:"tweets"`
	Reactions int64 `json:"reactions"`
	// TweetFollowers is how many followers the author of a tweet has, in the mean over all tweets; MaxFollowers is the most that
	// anybody has.
	TweetFollowers float64 `json:"followers_per_tweet"`
	MaxFollowers   int64   `json:"max_followers"`
}

// TableSize is the size of a table in PostgreSQL.
type TableSize struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	// RowBytes is the size of the table with its indexes, divided by its rows.
	RowBytes float64 `json:"bytes_per_row"`
}

// EntrySize is the size of entries of a kind in Redis.
type EntrySize struct {
	Prefix string `json:"prefix"`
	Keys   int64  `json:"keys"`
	// KeyBytes is the mean of what MEMORY USAGE says of some of the keys.
	KeyBytes float64 `json:"bytes_per_key"`
}

// Footprint is what one request costs and leaves behind, in the mean over a closed loop and until everything that follows from its
// requests has happened.
type Footprint struct {
	Name     string `json:"name"`
	Requests int64  `json:"requests"`
	// Processor time in µs, only of the loop.
	Server   float64 `json:"server_us"`
	Postgres float64 `json:"postgres_us"`
	Redis    float64 `json:"redis_us"`
	// Rows are inserted, updated or deleted rows of all tables; WALBytes what PostgreSQL has written into its log for them.
	Rows     float64 `json:"rows_written"`
	WALBytes float64 `json:"wal_bytes"`
	Events   float64 `json:"events"`
	// Commands are commands of Redis; RedisBytes went to and came from it.
	Commands   float64 `json:"redis_commands"`
	RedisBytes float64 `json:"redis_bytes"`
	// Body is the size of the body of an answer, in bytes.
	Body float64 `json:"body_bytes"`
}

// print writes the figures as tables.
func (s *Sizes) print(out io.Writer) error {
	p := s.Population
	fmt.Fprintf(out, "\nSizes, with %d users, %d follows, %d tweets, %d reactions; "+
		"the author of a tweet has %.1f followers, and nobody over %d.\n",
		p.Users, p.Follows, p.Tweets, p.Reactions, p.TweetFollowers, p.MaxFollowers)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "table\trows\tbytes a row\t")
	for _, t := range s.Tables {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t\n", t.Name, t.Rows, t.RowBytes)
	}
	fmt.Fprintln(w, "\nkeys of Redis\tkeys\tbytes a key\t")
	for _, e := range s.Entries {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t\n", e.Prefix, e.Keys, e.KeyBytes)
	}
	fmt.Fprintln(w, "\nrequest\trequests\tserver µs\tpg\tredis\trows written\tWAL bytes\tevents\t"+
		"redis commands\tredis bytes\tbody bytes\t")
	for _, r := range s.Requests {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t%.2f\t%.1f\t%.0f\t%.0f\t\n",
			r.Name, r.Requests, r.Server, r.Postgres, r.Redis, r.Rows, r.WALBytes, r.Events, r.Commands, r.RedisBytes, r.Body)
	}
	return w.Flush()
}
