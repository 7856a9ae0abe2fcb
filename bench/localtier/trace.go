package localtier

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"roost/testkit/dataset"
)

// The parameters of visits.
const (
	pageSize      = 20
	keptEntries   = 800 // entries of a home timeline
	visitsPer     = 30  // visits per new tweet
	goOn          = 0.3 // share of viewers of a page who read the next one
	scrollsToEnd  = 0.01
	newTweetsPart = 20 // the trace covers the last 1/20 of the tweets
	traceSeed     = 1
)

// world is the data from which a trace is made. Tweets are identified by their index in the file, which is in order of time.
type world struct {
	tweets    []Tweet
	followees [][]int32 // by user
	written   [][]int32 // tweets by user
}

// trace is a list of pages, each with the tweets that it shows.
type trace struct {
	pages                  [][]int32
	asked, distinct, scans int
}

// eachLine calls fn for the lines of a file, without the header if there is one.
func eachLine(dir, name string, header bool, fn func(line []byte) error) (err error) {
	in, err := dataset.Open(dir, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	lines := bufio.NewScanner(in)
	for n := 0; lines.Scan(); n++ {
		if n == 0 && header {
			continue
		}
		if err := fn(lines.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", name, n+1, err)
		}
	}
	return lines.Err()
}

// readWorld reads tweets and follows of a data set.
func readWorld(dir string) (*world, error) {
	w := &world{}
	grow := func(user int64) {
		for int64(len(w.followees)) <= user {
			w.followees, w.written = append(w.followees, nil), append(w.written, nil)
		}
	}
	err := eachLine(dir, "tweets.jsonl", false, func(line []byte) error {
		var row struct {
			Author    int64     `json:"author_id"`
			CreatedAt time.Time `json:"created_at"`
			Text      string    `json:"text"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		grow(row.Author)
		w.written[row.Author] = append(w.written[row.Author], int32(len(w.tweets)))
		w.tweets = append(w.tweets, Tweet{Author: row.Author, Text: row.Text, CreatedAt: row.CreatedAt.UnixMicro(), Version: 1})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, eachLine(dir, "follows.tsv", true, func(line []byte) error {
		var follower, followee int64
		if _, err := fmt.Sscanf(string(line), "%d\t%d", &follower, &followee); err != nil {
			return err
		}
		grow(max(follower, followee))
		w.followees[follower] = append(w.followees[follower], int32(followee))
		return nil
	})
}

// home returns the newest entries of a home timeline, at most n, at the time at which the tweets before now have been written.
func (w *world) home(viewer, now, n int) []int32 {
	var all []int32
	add := func(user int32) {
		mine := w.written[user]
		end := sort.Search(len(mine), func(i int) bool { return int(mine[i]) >= now })
		all = append(all, mine[max(0, end-n):end]...)
	}
	add(int32(viewer))
	for _, f := range w.followees[viewer] {
		add(f)
	}
	slices.SortFunc(all, func(a, b int32) int { return int(b - a) })
	return all[:min(n, len(all))]
}

// visits makes the trace.
func (w *world) visits() *trace {
	rnd := rand.New(rand.NewPCG(traceSeed, 0))
	first := len(w.tweets) - max(1, len(w.tweets)/newTweetsPart)
	var viewers []int
	for u := range w.followees {
		if len(w.home(u, first, pageSize)) == pageSize {
			viewers = append(viewers, u)
		}
	}
	rnd.Shuffle(len(viewers), func(i, j int) { viewers[i], viewers[j] = viewers[j], viewers[i] })
	draw := zipf(rnd, len(viewers))
	t, seen := &trace{}, make([]bool, len(w.tweets))
	for now := first; now < len(w.tweets) && len(viewers) > 0; now++ {
		for range visitsPer {
			depth := pageSize
			for rnd.Float64() < goOn {
				depth += pageSize
			}
			if rnd.Float64() < scrollsToEnd {
				depth = keptEntries
				t.scans++
			}
			for page := range slices.Chunk(w.home(viewers[draw()], now+1, depth), pageSize) {
				t.pages = append(t.pages, page)
				t.asked += len(page)
				for _, id := range page {
					if !seen[id] {
						seen[id] = true
						t.distinct++
					}
				}
			}
		}
	}
	return t
}

// zipf draws 0 to n-1, the i-th with a weight of 1/(i+1).
func zipf(rnd *rand.Rand, n int) func() int {
	sums, sum := make([]float64, n), 0.0
	for i := range sums {
		sum += 1 / float64(i+1)
		sums[i] = sum
	}
	return func() int { return min(sort.SearchFloat64s(sums, rnd.Float64()*sum), n-1) }
}
