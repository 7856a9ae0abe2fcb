package capacity

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Figures are measurements of one run of the bench.
type Figures struct {
	Time    time.Time `json:"time"`
	Machine struct {
		Processors int    `json:"processors"`
		Model      string `json:"model"`
		Go         string `json:"go"`
	} `json:"machine"`
	Commit       string        `json:"commit"`
	Data         string        `json:"data"`
	Measurements []measurement `json:"measurements"`
	Tracking     struct {
		Rows []tail `json:"rows"`
	} `json:"tracking"`
	Sizes sizes `json:"sizes"`

	// The rest is found in the above.

	home, react, tweet   footprint
	countPush, tweetPush cost
	socketBytes          float64
	numbered             float64 // events that one sequencer and one group have handled in a second
	tail                 tail
	others               float64
}

// measurement is one of an operation under load. The types here have only those fields that the sums need.
type measurement struct {
	Operation string `json:"operation"`
	Load      string `json:"load"`
	Roost     struct {
		cost
		PerSecond float64 `json:"per_second"`
		KiB       float64 `json:"kib_per_socket"`
		Others    float64 `json:"others"`
	} `json:"roost"`
}

// cost is the processor time of one request, event or delivery, in µs.
type cost struct {
	Server   float64 `json:"server_us"`
	Postgres float64 `json:"postgres_us"`
	Redis    float64 `json:"redis_us"`
}

// footprint is what a request costs and leaves behind.
type footprint struct {
	Name string `json:"name"`
	cost
	Rows       float64 `json:"rows_written"`
	WALBytes   float64 `json:"wal_bytes"`
	Events     float64 `json:"events"`
	RedisBytes float64 `json:"redis_bytes"`
	Body       float64 `json:"body_bytes"`
}

// tail is what an event costs each node beyond the one that wrote it, and Redis for each of these nodes, in µs.
type tail struct {
	Nodes int     `json:"nodes"`
	Redis float64 `json:"tail_batched_redis_us"`
	Node  float64 `json:"tail_batched_node_us"`
}

type sizes struct {
	Population struct {
		Users          float64 `json:"users"`
		Follows        float64 `json:"follows"`
		Tweets         float64 `json:"tweets"`
		TweetFollowers float64 `json:"followers_per_tweet"`
	} `json:"population"`
	Tables []struct {
		Name     string  `json:"name"`
		Rows     float64 `json:"rows"`
		RowBytes float64 `json:"bytes_per_row"`
	} `json:"tables"`
	Entries []struct {
		Prefix   string  `json:"prefix"`
		KeyBytes float64 `json:"bytes_per_key"`
	} `json:"entries"`
	Requests []footprint `json:"requests"`
}

// Operations are the operations of the bench whose figures are needed.
const Operations = "log,sockets,deliveries,crowd,tracking,sizes"

// Read returns the figures of a file that the bench has written.
func Read(path string) (*Figures, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func parse(raw []byte) (*Figures, error) {
	f := &Figures{}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fmt.Errorf("these are no results of the bench: %w", err)
	}
	if err := f.find(); err != nil {
		return nil, fmt.Errorf("%w; `go run ./bench -ops %s` measures them", err, Operations)
	}
	return f, nil
}

// find fills the fields that the sums use, and returns an error that names every figure that is missing.
func (f *Figures) find() error {
	var bad []error
	found := func(what string, positive float64) {
		if !(positive > 0) {
			bad = append(bad, errors.New("there are no figures of "+what))
		}
	}
	for _, m := range f.Measurements {
		switch m.Operation + " " + m.Load {
		case "sockets sockets":
			f.countPush = m.Roost.cost
		case "deliveries sockets":
			f.tweetPush = m.Roost.cost
		case "crowd memory":
			f.socketBytes = m.Roost.KiB * 1024
		case "log closed":
			f.numbered = m.Roost.PerSecond
		default:
			continue
		}
		f.others = max(f.others, m.Roost.Others)
	}
	for _, t := range f.Tracking.Rows {
		if t.Nodes == 1 {
			f.tail = t
		}
	}
	for _, r := range f.Sizes.Requests {
		switch r.Name {
		case "home":
			f.home = r
		case "react":
			f.react = r
		case "tweet":
			f.tweet = r
		}
	}
	found("sockets", f.countPush.Server)
	found("deliveries", f.tweetPush.Server)
	found("crowd", f.socketBytes)
	found("log in a closed loop", f.numbered)
	found("tracking with one node", f.tail.Node)
	found("sizes: home", f.home.Server)
	found("sizes: react", f.react.Events)
	found("sizes: tweet", f.tweet.Events)
	found("sizes: users", f.Sizes.Population.Users)
	found("sizes: tweets", f.Sizes.Population.Tweets)
	for _, table := range []string{"users", "follows", "tweets", "reactions", "events"} {
		found("sizes: table "+table, f.row(table))
	}
	for _, prefix := range []string{"u", "t"} {
		found("sizes: keys "+prefix, f.key(prefix))
	}
	return errors.Join(bad...)
}

// Tables whose rows belong to users or tweets, and entries of which a user or a tweet has one each.
var (
	userTables   = []string{"users", "user_stats", "username_claims", "email_claims", "search_names"}
	tweetTables  = []string{"tweets", "tweet_stats", "search_tweets"}
	userEntries  = []string{"u", "uc", "s", "fl", "at", "vr"}
	tweetEntries = []string{"t", "tc"}
)

// row returns the size of a row with its part of the indexes; 0 without such a table.
func (f *Figures) row(table string) float64 {
	for _, t := range f.Sizes.Tables {
		if t.Name == table {
			return t.RowBytes
		}
	}
	return 0
}

// each returns how many rows of some tables there are for each of their owners, and the bytes of these rows.
func (f *Figures) each(owners float64, tables []string) (rows, bytes float64) {
	for _, t := range f.Sizes.Tables {
		if slices.Contains(tables, t.Name) {
			rows += t.Rows / owners
			bytes += t.Rows * t.RowBytes / owners
		}
	}
	return rows, bytes
}

// eachUser and eachTweet are each for the tables of users and of tweets.
func (f *Figures) eachUser() (rows, bytes float64) {
	return f.each(f.Sizes.Population.Users, userTables)
}

func (f *Figures) eachTweet() (rows, bytes float64) {
	return f.each(f.Sizes.Population.Tweets, tweetTables)
}

// key returns the size of an entry of Redis.
func (f *Figures) key(prefixes ...string) (sum float64) {
	for _, e := range f.Sizes.Entries {
		if slices.Contains(prefixes, e.Prefix) {
			sum += e.KeyBytes
		}
	}
	return sum
}
