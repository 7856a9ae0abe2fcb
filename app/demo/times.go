package demo

import (
	"math/rand/v2"
	"time"
)

const (
	// settled is how old everything in the world is at least.
	settled = 90 * time.Second
	// threadAge is how old a conversation is at least, so that its answers have time.
	threadAge = 2 * time.Hour
	// latest is how many single tweets, of different people, are of the last hour.
	latest = 8
)

// activity is how much people tweet in an hour of the day, of 1.
var activity = [24]float64{0.3, 0.15, 0.1, 0.1, 0.15, 0.2, 0.45, 0.8, 0.9, 0.75, 0.7, 0.75,
	0.9, 0.85, 0.7, 0.65, 0.7, 0.85, 1, 1, 1, 0.95, 0.75, 0.5}

// times makes the times of a world that ends now.
type times struct {
	*rand.Rand
	now time.Time
}

// makeTimes sets all times. Tweets are spread over the last days, with fewer in the nights and more lately; the newest is a few minutes
// old. Whatever follows from a tweet comes after it.
func (w *world) makeTimes(t *times) {
	answered := make([]bool, len(w.tweets))
	for _, p := range w.tweets {
		if p.parent >= 0 {
			answered[p.parent] = true
		}
	}
	age, fresh := 4*time.Minute, 0
	since := make([]bool, len(people))
	for i := len(w.tweets) - 1; i >= 0; i-- {
		p := &w.tweets[i]
		switch {
		case p.parent >= 0:
		case answered[i] && people[p.author].role == newcomer: // who says hello first
			p.at = t.ago(9*time.Hour, 14*time.Hour)
		case answered[i]:
			p.at = t.ago(threadAge, days*24*time.Hour)
		case people[p.author].role == newcomer:
			p.at = t.ago(time.Hour, 8*time.Hour)
		case fresh < latest && !since[p.author] && p.charm < 0.3:
			p.at = t.now.Add(-age).Truncate(time.Millisecond)
			age += 2*time.Minute + time.Duration(t.Float64()*float64(8*time.Minute))
			fresh, since[p.author] = fresh+1, true
		default:
			p.at = t.ago(time.Hour, days*24*time.Hour)
		}
	}
	for i := range w.tweets {
		if p := &w.tweets[i]; p.parent >= 0 {
			parent := w.tweets[p.parent]
			mean := 9 * time.Minute
			if parent.author == p.author {
				mean = 90 * time.Second
			}
			p.at = t.after(parent.at, mean)
		}
	}
	for _, list := range [][]reaction{w.likes, w.retweets} {
		for i := range list {
			at := w.tweets[list[i].tweet].at
			list[i].at = t.after(at, min(3*time.Hour, t.now.Sub(at)/4))
		}
	}
	for range people {
		w.joined = append(w.joined, t.now.AddDate(0, 0, -60-t.IntN(1_200)).UTC().Truncate(time.Minute))
	}
}

// ago returns a time between two ages, rather a late one, at an hour at which people tweet.
func (t *times) ago(youngest, oldest time.Duration) (at time.Time) {
	for range 20 {
		age := youngest + time.Duration(t.Float64()*t.Float64()*float64(oldest-youngest))
		at = t.now.Add(-age).Truncate(time.Millisecond)
		if t.Float64() < activity[at.UTC().Hour()] {
			break
		}
	}
	return at
}

// after returns a time that follows another one, by a mean if there is time for that.
func (t *times) after(at time.Time, mean time.Duration) time.Time {
	left := t.now.Add(-settled).Sub(at)
	delay := 20*time.Second + time.Duration(t.ExpFloat64()*float64(mean))
	if delay >= left {
		delay = time.Duration((0.1 + 0.4*t.Float64()) * float64(left))
	}
	return at.Add(max(delay, time.Millisecond)).Truncate(time.Millisecond)
}
