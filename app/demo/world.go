package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Size of the demo world.
const (
	tweetCount   = 400
	days         = 5
	dislikeCount = 120
)

// seed is the seed of the random numbers, so that all demo worlds are equal.
const seed = 2_016

type post struct {
	author int // index of people
	at     time.Time
	text   string
}

type tie struct{ from, to int }

type reaction struct {
	user, tweet int
	at          time.Time
}

// world is the demo world before it has ids. Everything but the times comes from the seed.
type world struct {
	follows  []tie
	tweets   []post // oldest first
	likes    []reaction
	dislikes []tie // from a person to a tweet
}

func makeWorld(now time.Time) *world {
	r := rand.New(rand.NewPCG(seed, seed))
	w := &world{}
	w.makeFollows(r)
	w.makeTweets(r, now)
	w.makeReactions(r, now)
	return w
}

// makeFollows makes each person follow about fifteen others. People at the beginning of the list are followed more often.
func (w *world) makeFollows(r *rand.Rand) {
	for from := range people {
		for to := range people {
			fame := 0.65 - 0.5*float64(to)/float64(len(people))
			if from != to && r.Float64() < fame {
				w.follows = append(w.follows, tie{from, to})
			}
		}
	}
	r.Shuffle(len(w.follows), func(i, j int) { w.follows[i], w.follows[j] = w.follows[j], w.follows[i] })
}

// makeTweets spreads tweets over the last days, more of them lately. Everyone has at least one.
func (w *world) makeTweets(r *rand.Rand, now time.Time) {
	texts := sentences()
	r.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	for i := range tweetCount {
		author := i
		if i >= len(people) {
			author = min(r.IntN(len(people)), r.IntN(len(people)))
		}
		age := time.Duration(r.Float64() * r.Float64() * float64(days*24*time.Hour))
		w.tweets = append(w.tweets, post{author, now.Add(-2*time.Minute - age).Truncate(time.Millisecond), texts[i]})
	}
	slices.SortFunc(w.tweets, func(a, b post) int { return a.at.Compare(b.at) })
}

// makeReactions makes some of the people react to each tweet.
func (w *world) makeReactions(r *rand.Rand, now time.Time) {
	for t, p := range w.tweets {
		charm := 0.02 + 0.5*r.Float64()
		for u := range people {
			switch x := r.Float64(); {
			case u == p.author:
			case x < charm:
				at := p.at.Add(time.Duration(r.Float64() * r.Float64() * float64(now.Sub(p.at))))
				w.likes = append(w.likes, reaction{u, t, at})
			case x > 0.97 && u != 0 && len(w.dislikes) < dislikeCount && r.IntN(3) == 0:
				w.dislikes = append(w.dislikes, tie{u, t})
			}
		}
	}
}

// save writes the world as files that can be imported. Ids count from 1.
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
