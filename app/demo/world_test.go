package demo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/tweets"
	"roost/internal/entities"
)

// Two worlds differ in their times alone, whatever the hour at which they are made.
func TestWorldIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := makeWorld(now)
	for hour := range 24 {
		b := makeWorld(now.Add(time.Duration(hour) * 57 * time.Minute))
		if !slices.Equal(a.follows, b.follows) || !slices.Equal(a.dislikes, b.dislikes) || !sameTies(a.likes, b.likes) ||
			!sameTies(a.retweets, b.retweets) || len(a.tweets) != len(b.tweets) {
			t.Fatal("the worlds differ")
		}
		for i := range a.tweets {
			if a.tweets[i].text != b.tweets[i].text || a.tweets[i].author != b.tweets[i].author || a.tweets[i].parent != b.tweets[i].parent {
				t.Fatalf("tweet %d differs", i)
			}
		}
	}
}

func sameTies(a, b []reaction) bool {
	return slices.EqualFunc(a, b, func(a, b reaction) bool { return a.user == b.user && a.tweet == b.tweet })
}

// What follows from a tweet comes after it, nothing is in the future, and something has just been said, at every hour of the day.
func TestTimesOfTheWorld(t *testing.T) {
	t.Parallel()
	for hour := range 24 {
		now := time.Date(2026, 5, 1, hour, 17, 0, 0, time.UTC)
		w := makeWorld(now)
		newest, night, day := now.Add(-days*24*time.Hour), 0, 0
		for i, p := range w.tweets {
			if p.at.After(now.Add(-settled)) || now.Sub(p.at) > days*24*time.Hour {
				t.Errorf("tweet %d is of %v, at %v", i, p.at, now)
			}
			if p.parent >= 0 && !p.at.After(w.tweets[p.parent].at) {
				t.Errorf("tweet %d answers one that comes later", i)
			}
			if at := w.joined[p.author]; people[p.author].role != newcomer && !at.Before(p.at) {
				t.Errorf("the author of tweet %d came at %v", i, at)
			}
			if p.at.After(newest) {
				newest = p.at
			}
			switch p.at.Hour() {
			case 0, 1, 2, 3, 4:
				night++
			case 17, 18, 19, 20, 21:
				day++
			}
		}
		if now.Sub(newest) > 5*time.Minute {
			t.Errorf("the newest tweet is of %v, at %v", newest, now)
		}
		if night*4 > day*3 {
			t.Errorf("%d tweets in the nights, %d in the evenings", night, day)
		}
		for _, r := range slices.Concat(w.likes, w.retweets) {
			if !r.at.After(w.tweets[r.tweet].at) || r.at.After(now) {
				t.Errorf("at %v something follows from a tweet of %v", r.at, w.tweets[r.tweet].at)
			}
		}
	}
}

// Whom a text mentions exists, links lead to example.com, and texts are such as people may post, each once.
func TestTextsAreTweets(t *testing.T) {
	t.Parallel()
	names, seen := map[string]bool{}, map[string]bool{}
	for _, p := range people {
		names[p.username] = true
	}
	check := func(text string) {
		if tweets.Check(text) != nil || strings.ContainsAny(text, "{}") || seen[text] {
			t.Errorf("%q", text)
		}
		seen[text] = true
		for _, e := range entities.Find(text) {
			switch {
			case e.Kind == entities.Mention && !names[e.Key] && !names[e.Name]:
				t.Errorf("%q mentions %s", text, e.Name)
			case e.Kind == entities.Link && !strings.Contains(text, "https://example.com/"):
				t.Errorf("%q leads elsewhere", text)
			}
		}
	}
	for _, text := range sentences() {
		check(text)
	}
	users := map[string]map[int]bool{}
	for _, name := range []string{"threads.txt", "singles.txt", "life.txt"} {
		deep, many := 0, 0
		for _, s := range scripts(name) {
			depth := make([]int, len(s.lines))
			for i, l := range s.lines {
				check(l.text)
				if l.parent >= 0 {
					depth[i] = depth[l.parent] + 1
				}
				for _, h := range tweets.HashtagsOf(l.text) {
					if users[h.Name] == nil {
						users[h.Name] = map[int]bool{}
					}
					users[h.Name][l.author] = true
				}
			}
			if slices.Max(depth) >= 5 {
				deep++
			}
			if len(s.lines) > 1 {
				many++
			}
			if single := len(s.lines) == 1; (name == "singles.txt") != single {
				t.Errorf("%s: a script of %d lines", name, len(s.lines))
			}
		}
		if name == "threads.txt" && (deep < 8 || many < 30) {
			t.Errorf("%d conversations, %d of them deep", many, deep)
		}
	}
	shared := 0
	for _, by := range users {
		if len(by) > 1 {
			shared++
		}
	}
	if shared < 12 {
		t.Errorf("%d hashtags are used by several people", shared)
	}
}

// A script with a mistake is refused with its line.
func TestScriptsAreRead(t *testing.T) {
	t.Parallel()
	all, err := parse("# hi\n\n* pelle: a\n- obi: b\n-- pelle: c: d\n- ines: e\nobi: f\n")
	if err != nil || fmt.Sprint(all) != "[{[{3 -1 a} {5 0 b} {3 1 c: d} {12 0 e}] true} {[{5 -1 f}] false}]" {
		t.Errorf("%v, %v", all, err)
	}
	for _, bad := range []string{"nobody: a", "obi, a", "- obi: a", "obi: a\n-- obi: b", "obi: a\n- * obi: b"} {
		want := fmt.Sprintf("line %d ", strings.Count(bad, "\n")+1)
		if _, err := parse(bad); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
