package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// days is how far back the demo world goes.
const days = 5

// seed is the seed of the random numbers, so that all demo worlds are equal.
const seed = 2_016

// post is a tweet. author is an index of people, and parent one of the world's tweets, -1 for none.
type post struct {
	author, parent int
	at             time.Time
	text           string
	// charm is the share of people who like the tweet.
	charm float64
}

type tie struct{ from, to int }

type reaction struct {
	user, tweet int
	at          time.Time
}

// world is the demo world before it has ids. Everything but the times comes from the seed.
type world struct {
	follows []tie
	// tweets are in the order of the texts; a reply comes after its parent.
	tweets          []post
	likes, retweets []reaction
	dislikes        []tie // from a person to a tweet
	// joined are the times at which accounts were made, those of newcomers excepted, whose first tweet was the beginning.
	joined []time.Time
}

func makeWorld(now time.Time) *world {
	r := rand.New(rand.NewPCG(seed, seed))
	w := &world{}
	w.makeFollows(r)
	w.makeTweets(r)
	w.makeReactions(r)
	// Times depend on the time of the day. They have random numbers of their own, so that nothing else does.
	w.makeTimes(&times{rand.New(rand.NewPCG(seed, seed+1)), now})
	return w
}

// makeFollows makes each regular follow about fifteen others. Regulars at the beginning of the list are followed more often.
func (w *world) makeFollows(r *rand.Rand) {
	for from, follower := range people {
		for to, followed := range people {
			likely := 0.6 - 0.45*float64(to)/float64(len(people))
			switch {
			case followed.role == celebrity:
				likely = 0.95
			case follower.role == celebrity:
				likely = 0.2
			case followed.role == newcomer:
				likely = 0.12
			}
			if from == 0 && follower.role == regular { // the visitor's timeline is full
				likely += 0.2
			}
			if x := r.Float64(); from != to && x < likely {
				w.follows = append(w.follows, tie{from, to})
			}
		}
	}
	r.Shuffle(len(w.follows), func(i, j int) { w.follows[i], w.follows[j] = w.follows[j], w.follows[i] })
}

// makeTweets makes tweets of all texts.
func (w *world) makeTweets(r *rand.Rand) {
	for _, name := range []string{"threads.txt", "singles.txt"} {
		for _, s := range scripts(name) {
			first := len(w.tweets)
			for _, l := range s.lines {
				p := post{author: l.author, parent: -1, text: l.text}
				luck := r.Float64()
				p.charm = 0.03 + 0.55*luck*luck*luck
				switch {
				case l.parent >= 0:
					p.parent = first + l.parent
					p.charm /= 2
				case s.hot:
					p.charm = 1
				case people[l.author].role == celebrity:
					p.charm = 0.3 + 0.4*luck
				}
				w.tweets = append(w.tweets, p)
			}
		}
	}
}

// makeReactions makes some of the people like, dislike or retweet each tweet, and more of those who follow its author.
func (w *world) makeReactions(r *rand.Rand) {
	follows := make(map[tie]bool, len(w.follows))
	for _, f := range w.follows {
		follows[f] = true
	}
	for t, p := range w.tweets {
		for u := range people {
			x, y := r.Float64(), r.Float64()
			charm := p.charm
			if !follows[tie{u, p.author}] {
				charm /= 3
			}
			if u == p.author {
				continue
			}
			if x < charm {
				w.likes = append(w.likes, reaction{user: u, tweet: t})
			} else if x > 0.9985 && u != 0 {
				w.dislikes = append(w.dislikes, tie{u, t})
			}
			if y < charm*charm/2 && p.parent < 0 && u != 0 {
				w.retweets = append(w.retweets, reaction{user: u, tweet: t})
			}
		}
	}
}

// save writes what an import reads: the world without the bonds between tweets, retweets and profiles. Ids count from 1.
func (w *world) save(dir string) error {
	var users, follows, tweets, likes strings.Builder
	users.WriteString("id\tusername\tname\n")
	for i, p := range people {
		fmt.Fprintf(&users, "%d\t%s\t%s\n", i+1, p.username, p.name)
	}
	follows.WriteString("follower_id\tfollowee_id\n")
	for _, f := range w.follows {
		fmt.Fprintf(&follows, "%d\t%d\n", f.from+1, f.to+1)
	}
	for i, p := range w.tweets {
		line, err := json.Marshal(map[string]any{
			"id": i + 1, "author_id": p.author + 1, "created_at": p.at.Format(time.RFC3339Nano), "text": p.text})
		if err != nil {
			return err
		}
		tweets.Write(append(line, '\n'))
	}
	likes.WriteString("user_id\ttweet_id\tcreated_at\n")
	for _, l := range w.likes {
		fmt.Fprintf(&likes, "%d\t%d\t%s\n", l.user+1, l.tweet+1, l.at.Format(time.RFC3339Nano))
	}
	var errs []error
	for name, content := range map[string]string{"users.tsv": users.String(), "follows.tsv": follows.String(),
		"tweets.jsonl": tweets.String(), "likes.tsv": likes.String()} {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return errors.Join(errs...)
}
