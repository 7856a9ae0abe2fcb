package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Generate writes a data set of exactly these sizes, every file with .gz. The same
// arguments result in the same rows. Followers and likes are spread like those of a real
// network: few have very many, most have few; who likes a tweet mostly follows
// its author; a fifth of the users write.
//
// At most a quarter of all possible follows and likes can be asked for, and tweets
// need a user.
func Generate(dir string, seed uint64, users, follows, tweets, likes int) error {
	return generate(dir, ".gz", seed, users, follows, tweets, likes)
}

// GeneratePlain writes the same data set as Generate, in files that are not compressed.
func GeneratePlain(dir string, seed uint64, users, follows, tweets, likes int) error {
	return generate(dir, "", seed, users, follows, tweets, likes)
}

func generate(dir, suffix string, seed uint64, users, follows, tweets, likes int) error {
	switch {
	case users < 0 || follows < 0 || tweets < 0 || likes < 0:
		return fmt.Errorf("dataset: negative size")
	case follows > users*(users-1)/4:
		return fmt.Errorf("dataset: %d follows are too many for %d users", follows, users)
	case likes > users*tweets/4:
		return fmt.Errorf("dataset: %d likes are too many for %d users and %d tweets", likes, users, tweets)
	case tweets > 0 && users == 0:
		return fmt.Errorf("dataset: tweets without users")
	}
	w := &world{rnd: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), users: users}
	w.fame = w.rnd.Perm(users)
	w.follow(follows)
	w.write(tweets)
	w.like(likes)
	return w.save(dir, suffix)
}

// The exponents of the power laws. With an exponent of 3, the most followed of 75,879
// users would have a 42nd of all followers; with followPower the user has about as many
// as in soc-Epinions1.
const (
	followPower = 2.2
	writePower  = 1.8
	likePower   = 2.5
	// writers is the share of users who tweet.
	writers = 0.2
)

// The tweets' times span the year of the real ones.
var (
	firstTweet = time.Date(2015, 9, 6, 9, 56, 0, 0, time.UTC)
	lastTweet  = time.Date(2016, 9, 26, 3, 20, 0, 0, time.UTC)
)

// world is a data set in the making; users and tweets count from 0 in it.
type world struct {
	rnd   *rand.Rand
	users int
	// fame lists users, the most followed first.
	fame      []int
	followees [][]int // per user, ascending
	followers [][]int // per user, ascending
	tweets    []tweet
	likes     [][]int // per tweet, users in the order of their likes
}

type tweet struct {
	author int
	at     time.Time
	text   string
}

// rank is a number below n; small ones come up more often.
func (w *world) rank(n int, power float64) int {
	return min(n-1, int(float64(n)*math.Pow(w.rnd.Float64(), power)))
}

// shares splits total among n, each at most limit, by a power law in a random
// order. Total must not exceed n*limit.
func (w *world) shares(n, total, limit int, power float64) []int {
	counts := make([]int, n)
	order := w.rnd.Perm(n)
	for total > 0 {
		i := order[w.rank(n, power)]
		for counts[i] >= limit { // full: the next one takes it
			i = (i + 1) % n
		}
		counts[i]++
		total--
	}
	return counts
}

func (w *world) follow(total int) {
	w.followees = make([][]int, w.users)
	w.followers = make([][]int, w.users)
	if total == 0 {
		return
	}
	for user, n := range w.shares(w.users, total, (w.users-1)/2, followPower) {
		mine := w.pick(n, nil, func(u int) bool { return u != user })
		slices.Sort(mine)
		w.followees[user] = mine
		for _, u := range mine {
			w.followers[u] = append(w.followers[u], user)
		}
	}
}

// pick returns n different users that pass ok: those of first at random, then
// more famous ones more often.
func (w *world) pick(n int, first []int, ok func(int) bool) []int {
	picked := make([]int, 0, n)
	seen := make(map[int]bool, n)
	take := func(u int) {
		if len(picked) < n && !seen[u] && ok(u) {
			seen[u] = true
			picked = append(picked, u)
		}
	}
	if len(first) > n {
		for _, i := range w.rnd.Perm(len(first))[:n] {
			take(first[i])
		}
	} else {
		for _, u := range first {
			take(u)
		}
	}
	for range 4 * n {
		if len(picked) == n {
			return picked
		}
		take(w.fame[w.rank(w.users, followPower)])
	}
	// The famous are used up: go on from a random one, in order.
	start := w.rnd.IntN(max(1, w.users))
	for i := range w.users {
		take((start + i) % w.users)
	}
	return picked
}

func (w *world) write(total int) {
	authors := w.fame[:min(w.users, int(math.Ceil(writers*float64(w.users))))]
	span := lastTweet.Sub(firstTweet)
	w.tweets = make([]tweet, total)
	for i := range w.tweets {
		at := firstTweet.Add(time.Duration(float64(span) * float64(i) / float64(max(1, total-1))))
		w.tweets[i] = tweet{
			author: authors[w.rank(len(authors), writePower)],
			at:     at.Truncate(time.Second),
			text:   sentence(w.rnd),
		}
	}
}

func (w *world) like(total int) {
	w.likes = make([][]int, len(w.tweets))
	if total == 0 {
		return
	}
	for i, n := range w.shares(len(w.tweets), total, (w.users+1)/2, likePower) {
		w.likes[i] = w.pick(n, w.followers[w.tweets[i].author], func(int) bool { return true })
	}
}
