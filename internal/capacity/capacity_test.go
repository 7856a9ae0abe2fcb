package capacity

import (
	"bytes"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// figures are so simple that each sum can be made in the head.
const figures = `{"measurements": [
	{"operation": "sockets", "load": "sockets", "roost": {"server_us": 20, "postgres_us": 1, "redis_us": 2, "others": 0.5}},
	{"operation": "deliveries", "load": "sockets", "roost": {"server_us": 50, "postgres_us": 5, "redis_us": 10}},
	{"operation": "crowd", "load": "memory", "roost": {"kib_per_socket": 32}},
	{"operation": "home", "load": "closed", "roost": {"others": 9}},
	{"operation": "log", "load": "closed", "roost": {"per_second": 500}}],
	"tracking": {"rows": [{"nodes": 0}, {"nodes": 1, "tail_batched_node_us": 1000, "tail_batched_redis_us": 100},
		{"nodes": 4, "tail_batched_node_us": 7, "tail_batched_redis_us": 7}]},
	"sizes": {"population": {"users": 10, "follows": 20, "tweets": 4, "followers_per_tweet": 40},
		"tables": [{"name": "users", "rows": 30, "bytes_per_row": 100}, {"name": "follows", "bytes_per_row": 10},
			{"name": "tweets", "rows": 8, "bytes_per_row": 200},
			{"name": "reactions", "bytes_per_row": 30}, {"name": "events", "bytes_per_row": 300}, {"name": "sessions", "bytes_per_row": 7}],
		"entries": [{"prefix": "u", "bytes_per_key": 60}, {"prefix": "t", "bytes_per_key": 70}, {"prefix": "others", "bytes_per_key": 7}],
		"requests": [
			{"name": "home", "server_us": 100, "postgres_us": 0, "redis_us": 50, "redis_bytes": 1000, "body_bytes": 4000},
			{"name": "react", "server_us": 200, "postgres_us": 300, "redis_us": 40, "rows_written": 3, "wal_bytes": 500, "events": 1,
				"redis_bytes": 100, "body_bytes": 60},
			{"name": "tweet", "server_us": 400, "postgres_us": 600, "redis_us": 80, "rows_written": 5, "wal_bytes": 900, "events": 2,
				"redis_bytes": 200, "body_bytes": 80}]}}`

func small(t *testing.T) *Figures {
	t.Helper()
	f, err := parse([]byte(figures))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// site is the input of the cases that were computed by hand.
var site = Input{Users: 1000, ActiveUsers: 100, Reads: 10_000, Tweets: 50, PeakTweets: 100, Reactions: 200, Sockets: 500, CountUpdates: 2,
	WarmDays: 0.5, Cores: 4, PostgresCores: 8, Utilization: 0.5}

func TestSums(t *testing.T) {
	t.Parallel()
	s := Compute(site, small(t))
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"tweets pushed: 100 × 40 × 500 / 1000", s.TweetPushes, 2000},
		{"counts pushed: 500 × 2", s.CountPushes, 1000},
		{"events: 100 × 2 + 200 × 1", s.Events, 400},
		{"rows: 100 × 5 + 200 × 3", s.RowsWritten, 1100},
		{"WAL: 100 × 900 + 200 × 500", s.WALBytes, 190_000},
		{"nodes' processors: 10,000 × 100 + 100 × 400 + 200 × 200 + 2000 × 50 + 1000 × 20 µs", s.ServerCores, 1.2},
		{"a tail: 400 × 1000 µs", s.TailCores, 0.4},
		{"nodes: (1.2 − 0.4) / (4 × 0.5 − 0.4) = 0.5", float64(s.Nodes), 1},
		{"sockets of a node", s.SocketsPerNode, 500},
		{"their memory: 500 × 32 KiB", s.SocketBytes, 16_384_000},
		{"Redis: 10,000 × 50 + 100 × 80 + 200 × 40 + 2000 × 10 + 1000 × 2 µs", s.RedisCores, 0.538},
		{"its servers: 0.538 / 0.5", float64(s.RedisServers), 2},
		{"keys: 100 × 6 + 50 × 43,200 × 2", s.RedisKeys, 4_320_600},
		{"their memory: 100 × 60 + 50 × 43,200 × 70", s.RedisBytes, 151_206_000},
		{"bytes to Redis: 10,000 × 1000 + 100 × 200 + 200 × 100", s.RedisNetwork, 10_040_000},
		{"PostgreSQL: 100 × 600 + 200 × 300 + 2000 × 5 + 1000 × 1 µs", s.PostgresCores, 0.131},
		{"bytes of users: 1000 × (3 × 100 + 2 × 10)", s.UserBytes, 320_000},
		{"rows of users: 1000 × (3 + 2)", s.UserRows, 5000},
		{"rows of tweets: 50 × 86,400 × 2", s.TweetRowsADay, 8_640_000},
		{"bytes of tweets: 50 × 86,400 × 2 × 200", s.TweetBytesADay, 1_728_000_000},
		{"bytes of reactions: 200 × 86,400 × 30", s.ReactionBytesADay, 518_400_000},
		{"bytes of events: (50 × 2 + 200) × 86,400 × 300", s.EventBytesADay, 7_776_000_000},
		{"answers: 10,000 × 4000 + 100 × 80 + 200 × 60", s.AnswerBytes, 40_020_000},
	} {
		if math.Abs(c.got-c.want) > 1e-9*c.want {
			t.Errorf("%s: %g, not %g", c.what, c.got, c.want)
		}
	}
}

// Each node more follows the log, so nodes and what they cost Redis grow faster than the load.
func TestEachNodeFollowsTheLog(t *testing.T) {
	t.Parallel()
	in := site
	in.Reads = 58_000 // 4.8 processors more
	s := Compute(in, small(t))
	if s.Nodes != 4 { // (6 − 0.4) / (2 − 0.4) = 3.5
		t.Errorf("%d nodes", s.Nodes)
	}
	if want := 0.538 + 48_000*50/1e6 + 3*400*100/1e6; math.Abs(s.RedisCores-want) > 1e-9 {
		t.Errorf("Redis needs %g processors, not %g", s.RedisCores, want)
	}
	in.Cores, in.Utilization = 1, 0.4 // no more than the tail
	s = Compute(in, small(t))
	if s.Nodes != 0 || s.SocketBytes != 0 || s.RedisServers < 1 {
		t.Errorf("%d nodes, which do nothing but follow the log", s.Nodes)
	}
	var out bytes.Buffer
	if err := Print(&out, in, small(t), "a test"); err != nil || !strings.Contains(out.String(), "| nodes | no number suffices |") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestInputsReplaceTheDataSet(t *testing.T) {
	t.Parallel()
	in := site
	in.Followers, in.Sockets = 100, 2000 // more sockets than users: each user is online
	if s := Compute(in, small(t)); s.TweetPushes != 10_000 {
		t.Errorf("%g tweets pushed", s.TweetPushes)
	}
}

func TestBoundsSayWhatIsNotEnough(t *testing.T) {
	t.Parallel()
	in := site
	for _, c := range []struct {
		reactions int64
		want      []string
	}{
		{200, []string{"| the sequencer | 0.8 times what one can do: one is enough |",
			"| PostgreSQL | 0.0328 times what one can do: one is enough |",
			"| the tail of a node | 0.4 times what one can do: one is enough |"}},
		{20_000, []string{"| the sequencer | 40.4 times what one can do: one is not enough |",
			"| PostgreSQL | 1.52 times what one can do: one is not enough |",
			"| the tail of a node | 20.2 times what one can do: one is not enough |"}},
	} {
		in.Reactions = c.reactions
		var out bytes.Buffer
		if err := Print(&out, in, small(t), "a test"); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in\n%s", want, out.String())
			}
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	if err := defaults(t).Check(); err != nil {
		t.Error(err)
	}
}

func defaults(t *testing.T) *Input {
	t.Helper()
	var in Input
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	in.Flags(f)
	if err := f.Parse(nil); err != nil {
		t.Fatal(err)
	}
	return &in
}

func TestRefusedInputs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		set  func(in *Input)
	}{
		{"--users must be 1 to 100,000,000,000, not 0", func(in *Input) { in.Users, in.ActiveUsers = 0, 0 }},
		{"--users must be", func(in *Input) { in.Users = -1 }},
		{"--users must be", func(in *Input) { in.Users = math.MaxInt64 }},
		{"--active-users: there are only --users", func(in *Input) { in.ActiveUsers = in.Users + 1 }},
		{"--reads must be", func(in *Input) { in.Reads = 0 }},
		{"--tweets must be", func(in *Input) { in.Tweets = -5 }},
		{"--peak-tweets must be at least --tweets", func(in *Input) { in.PeakTweets = in.Tweets - 1 }},
		{"--peak-tweets must be 1 to", func(in *Input) { in.PeakTweets = 2e9 }},
		{"--reactions must be", func(in *Input) { in.Reactions = -1 }},
		{"--sockets must be", func(in *Input) { in.Sockets = -1 }},
		{"--count-updates must be", func(in *Input) { in.CountUpdates = math.NaN() }},
		{"--count-updates must be", func(in *Input) { in.CountUpdates = math.Inf(1) }},
		{"--followers must be", func(in *Input) { in.Followers = -1 }},
		{"--followers: there are only --users", func(in *Input) { in.Followers = float64(in.Users) + 1 }},
		{"--warm-days must be", func(in *Input) { in.WarmDays = -1 }},
		{"--cores must be", func(in *Input) { in.Cores = 0 }},
		{"--postgres-cores must be", func(in *Input) { in.PostgresCores = 0 }},
		{"--utilization must be 0.01 to 1, not 1.5", func(in *Input) { in.Utilization = 1.5 }},
		{"--utilization must be", func(in *Input) { in.Utilization = 0 }},
		{"--utilization must be", func(in *Input) { in.Utilization = math.NaN() }},
	} {
		in := *defaults(t)
		c.set(&in)
		if err := in.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q is not in %v", c.want, err)
		}
	}
	in := *defaults(t)
	in.Reads, in.Cores = 0, 0
	if err := in.Check(); err == nil || !strings.Contains(err.Error(), "--reads") || !strings.Contains(err.Error(), "--cores") {
		t.Errorf("both are wrong: %v", err)
	}
}

// Figures that are missing are named, with the command that measures them.
func TestRefusedFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, new, want string }{
		{`"name": "home"`, `"name": "x"`, "there are no figures of sizes: home; `go run ./bench -ops log,"},
		{`"operation": "sockets"`, `"operation": "x"`, "no figures of sockets"},
		{`"nodes": 1,`, `"nodes": 2,`, "no figures of tracking with one node"},
		{`"per_second": 500`, `"per_second": -5`, "no figures of log in a closed loop"},
		{`"users": 10`, `"users": 0`, "no figures of sizes: users"},
		{`"name": "follows"`, `"name": "x"`, "no figures of sizes: table follows"},
		{`{"prefix": "t"`, `{"prefix": "x"`, "no figures of sizes: keys t"},
		{`{"measurements"`, `["measurements"`, "these are no results of the bench"},
	} {
		raw := strings.Replace(figures, c.old, c.new, 1)
		if raw == figures {
			t.Fatalf("%q is not in the figures", c.old)
		}
		path := filepath.Join(t.TempDir(), "figures.json")
		if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	for want, x := range map[string]float64{"0": 0, "0.0328": 0.03275, "7": 7, "12.3": 12.34, "100": 100, "123": 123.4,
		"1,230": 1234, "999": 999, "12,300,000": 12_345_678, "100,000,000,000": 1e11, "1,000": 999.9, "-1": -1} {
		if got := amount(x); got != want {
			t.Errorf("%g is written as %s, not %s", x, got, want)
		}
	}
	for want, x := range map[string]string{"1 KiB": size(1024), "1,020 B": size(1023), "1.5 MiB": size(1.5 * (1 << 20)),
		"2,000 PiB": size(2000 * (1 << 50))} {
		if x != want {
			t.Errorf("%s, not %s", x, want)
		}
	}
}
