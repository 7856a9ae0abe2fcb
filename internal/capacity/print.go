package capacity

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// row is a line of a table: what is needed, how much of it, and how that is computed, in words.
type row struct{ what, much, how string }

// Print writes the sums as Markdown. source says where the figures are from.
func Print(out io.Writer, in Input, f *Figures, source string) error {
	s := Compute(in, f)
	p := &page{}
	p.text("# Capacity", "",
		"This page is the output of `roost capacity`, which computes what a site needs. The figures are measured; the site is assumed.",
		"`roost capacity --help` lists what can be changed; `go run ./bench -ops "+Operations+"` measures the figures.", "",
		fmt.Sprintf("Figures: %s, measured at %s with commit `%s` on %d processors (%s, %s), %s data. Other processes used up to %s",
			source, f.Time.Format(time.DateOnly), f.Commit, f.Machine.Processors, f.Machine.Model, f.Machine.Go, f.Data, amount(f.others)),
		"processors meanwhile: a busy machine makes requests dearer, so the sums are rather too high. PostgreSQL did not wait for a disk.")
	p.table("What is assumed", "input", "amount", "meaning", in.rows(s))
	p.table("What is measured", "figure", "amount", "where", f.rows())
	p.table("What the site needs", "need", "amount", "sum", s.rows(in, f))
	p.table("What there is one of", "part", "load", "reading", s.bounds(in, f))
	p.table("Where the seams are", "data", "split by", "today", seams)
	_, err := io.WriteString(out, p.String())
	return err
}

// page is Markdown that is being written.
type page struct{ strings.Builder }

func (p *page) text(lines ...string) {
	for _, line := range lines {
		p.WriteString(line + "\n")
	}
}

func (p *page) table(title, what, much, how string, rows []row) {
	p.text("", "## "+title, "", "| "+what+" | "+much+" | "+how+" |", "|---|---|---|")
	for _, r := range rows {
		p.text("| " + r.what + " | " + r.much + " | " + r.how + " |")
	}
}

func (in *Input) rows(s Sums) []row {
	followers := "of the author of a tweet, in the mean over tweets: assumed (`--followers`)"
	if in.Followers == 0 {
		followers = "of the author of a tweet, in the mean over tweets: those of the measured data set"
	}
	return []row{
		{"users", amount(float64(in.Users)), "`--users`"},
		{"active users", amount(float64(in.ActiveUsers)), "`--active-users`: their rows are in Redis at the same time"},
		{"reads", amount(float64(in.Reads)) + "/s", "`--reads`: home timeline pages of 20 entries"},
		{"tweets", amount(float64(in.Tweets)) + "/s", "`--tweets`: the mean of a day"},
		{"tweets at the peak", amount(float64(in.PeakTweets)) + "/s", "`--peak-tweets`: all rates below are those of the peak"},
		{"reactions", amount(float64(in.Reactions)) + "/s", "`--reactions`"},
		{"sockets", amount(float64(in.Sockets)), "`--sockets`: open at the same time"},
		{"new counts for a socket", amount(in.CountUpdates) + "/s", "`--count-updates`"},
		{"followers", amount(s.Followers), followers},
		{"warm days", amount(in.WarmDays), "`--warm-days`: for so long Redis holds a tweet"},
		{"processors of a node", amount(float64(in.Cores)), "`--cores`"},
		{"processors of PostgreSQL's server", amount(float64(in.PostgresCores)), "`--postgres-cores`: the largest that can be had"},
		{"utilization", amount(100*in.Utilization) + " %", "`--utilization`: the share of the processors in use at the peak"},
	}
}

func (f *Figures) rows() []row {
	micros := func(what, where string, c cost) row {
		return row{what, fmt.Sprintf("%s + %s + %s µs", amount(c.Server), amount(c.Postgres), amount(c.Redis)), where}
	}
	left := func(what, where string, p footprint) row {
		return row{what, fmt.Sprintf("%s rows, %s events, %s of WAL, %s to and from Redis", amount(p.Rows), amount(p.Events), size(p.WALBytes),
			size(p.RedisBytes)), where}
	}
	userRows, userBytes := f.eachUser()
	tweetRows, tweetBytes := f.eachTweet()
	return []row{
		micros("a home page: processor time of server + PostgreSQL + Redis", "`sizes`, closed loop", f.home.cost),
		micros("a tweet: the same", "`sizes`, closed loop", f.tweet.cost),
		micros("a reaction to a random tweet: the same", "`sizes`, closed loop", f.react.cost),
		micros("a tweet's way to a subscriber: the same", "`deliveries`, a delivery", f.tweetPush),
		micros("new counts' way to a subscriber: the same", "`sockets`, a delivery", f.countPush),
		left("a tweet writes", "`sizes`", f.tweet), left("a reaction writes", "`sizes`", f.react),
		{"a home page reads", size(f.home.RedisBytes) + " to and from Redis, and answers " + size(f.home.Body), "`sizes`"},
		{"an event, for each node but its own", fmt.Sprintf("%s µs of the node, %s µs of Redis", amount(f.tail.Node), amount(f.tail.Redis)),
			"`tracking`, 20 events at once, 1 node"},
		{"a socket", size(f.socketBytes) + " of the node's memory", "`crowd`"},
		{"one sequencer and one group", amount(f.numbered) + " events/s", "`log`, closed loop: from the commit to the effect"},
		{"a user's rows", amount(userRows) + ", " + size(userBytes), "`sizes`: " + list(userTables) + ", with indexes"},
		{"a tweet's rows", amount(tweetRows) + ", " + size(tweetBytes), "`sizes`: " + list(tweetTables) + ", with indexes"},
		{"a row of follows, of reactions, of events", size(f.row("follows")) + ", " + size(f.row("reactions")) + ", " + size(f.row("events")),
			"`sizes`, with indexes"},
		{"a user's entries in Redis", size(f.key(userEntries...)), "`sizes`: one each of " + list(userEntries)},
		{"a tweet's entries in Redis", size(f.key(tweetEntries...)), "`sizes`: one each of " + list(tweetEntries)},
	}
}

func (s *Sums) rows(in Input, f *Figures) []row {
	nodes, tails := amount(float64(s.Nodes)), " (processors × utilization − one tail)"
	perNode := []row{{"sockets of a node", amount(s.SocketsPerNode), "sockets / nodes"},
		{"memory of a node's sockets", size(s.SocketBytes), "sockets of a node × memory of a socket"}}
	if s.Nodes == 0 {
		nodes, perNode = "no number suffices", nil
	}
	all := []row{
		{"tweets pushed", amount(s.TweetPushes) + "/s", "tweets × followers × sockets / users"},
		{"counts pushed", amount(s.CountPushes) + "/s", "sockets × new counts for a socket"},
		{"events of the log", amount(s.Events) + "/s", "tweets × events of a tweet + reactions × events of a reaction"},
		{"processors of all nodes", amount(s.ServerCores), "(reads, tweets, reactions, pushes, each × its time of the server) / 1 s"},
		{"processors of one tail", amount(s.TailCores), "events × time of the node / 1 s; each node has a tail, which follows the whole log"},
		{"nodes", nodes, "(processors of all nodes − one tail) /" + tails + ", rounded up"},
	}
	all = append(all, perNode...)
	return append(all,
		row{"processors of Redis", amount(s.RedisCores), "(reads, tweets, reactions, pushes, each × its time of Redis + events × (nodes − 1) × " +
			"time of Redis for a tail) / 1 s"},
		row{"Redis servers", amount(float64(s.RedisServers)), "processors of Redis / utilization, rounded up: each uses one processor"},
		row{"keys of Redis", amount(s.RedisKeys),
			fmt.Sprintf("active users × %d + tweets of the warm days × %d", len(userEntries), len(tweetEntries))},
		row{"memory of Redis", size(s.RedisBytes), "active users × a user's entries + tweets of the warm days × a tweet's entries; " +
			"a replica takes as much again"},
		row{"processors of PostgreSQL", amount(s.PostgresCores), "(reads, tweets, reactions, pushes, each × its time of PostgreSQL) / 1 s"},
		row{"rows written", amount(s.RowsWritten) + "/s", "tweets × rows of a tweet + reactions × rows of a reaction"},
		row{"rows of users and follows", amount(s.UserRows) + ", " + size(s.UserBytes),
			"users × (a user's rows + " + amount(f.Sizes.Population.Follows/f.Sizes.Population.Users) + " follows, as in the data set)"},
		row{"rows of tweets, a day", amount(s.TweetRowsADay) + ", " + size(s.TweetBytesADay), "mean tweets × 86,400 s × a tweet's rows"},
		row{"rows of reactions, a day", amount(float64(in.Reactions)*day) + ", " + size(s.ReactionBytesADay),
			"reactions × 86,400 s × a row of reactions; one that is changed needs no new row, so it is less"},
		row{"the log, a day", size(s.EventBytesADay), "events of mean tweets and of reactions × 86,400 s × a row of events"},
		row{"network to clients", size(s.AnswerBytes) + "/s", "reads, tweets, reactions, each × bytes of its answer; pushes are not in it"},
		row{"network to Redis", size(s.RedisNetwork) + "/s", "reads, tweets, reactions, each × its bytes to and from Redis"},
		row{"network to each replica of PostgreSQL", size(s.WALBytes) + "/s", "tweets × WAL of a tweet + reactions × WAL of a reaction"})
}

// bounds are the parts that cannot be multiplied.
func (s *Sums) bounds(in Input, f *Figures) []row {
	return []row{
		{"the sequencer", times(s.Events / f.numbered), "events/s needed / events/s that the bench's machine has numbered and handled. " +
			"Sequencers of several nodes take turns at one row, so more of them number no faster"},
		{"PostgreSQL", times(s.PostgresCores / (float64(in.PostgresCores) * in.Utilization)),
			"processors needed / (processors of the largest server × utilization). All rows are in one database"},
		{"the tail of a node", times(s.TailCores), "processors of one tail / the one processor that its loop can use at most. " +
			"More nodes make it no smaller"},
	}
}

// times says whether one of a part is enough.
func times(x float64) string {
	verdict := "one is enough"
	if x > 1 {
		verdict = "one is not enough"
	}
	return amount(x) + " times what one can do: " + verdict
}

// list returns words with commas, in code.
func list(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// amount writes a number with three digits that count, and commas between thousands.
func amount(x float64) string {
	digits := strconv.FormatFloat(rounded(x), 'f', -1, 64)
	if math.Abs(x) < 100 {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// rounded returns a number with three digits that count.
func rounded(x float64) float64 {
	out, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 2, 64), 64) // never fails
	return out
}

// size writes bytes.
func size(bytes float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; bytes >= 1024 && i < len(units)-1; i++ {
		bytes /= 1024
	}
	return amount(bytes) + " " + units[i]
}
