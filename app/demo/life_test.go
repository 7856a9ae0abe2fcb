package demo

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"roost/ent"
	"roost/ent/tweet"
)

// driven is a site whose Life a test drives. Every tick is over when the next one is taken.
type driven struct {
	*site
	w     *World
	ticks chan time.Time
	idle  chan bool
}

func drive(t *testing.T, s *site) *driven {
	d := &driven{site: s, w: s.seed(t), ticks: make(chan time.Time), idle: make(chan bool, 1)}
	d.idle <- false
	return d
}

// run lets a new Life live for some ticks.
func (d *driven) run(t *testing.T, keep, n int) {
	t.Helper()
	l := NewLife(LifeOptions{World: d.w, Client: d.Client, Actions: d, Keep: keep, Ticks: d.ticks,
		Idle:   func() bool { now := <-d.idle; d.idle <- now; return now },
		Failed: func(err error) { t.Error(err) }})
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range n {
		d.ticks <- time.Time{}
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLifeGoesOnWithinBounds(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		d := drive(t, s)
		const keep = 5
		// The visitor's own words stay, also if they are those of Life.
		if _, err := s.Tweet(t.Context(), d.w.Visitor, 0, sentences()[0]); err != nil {
			t.Fatal(err)
		}
		const retweeted = "SELECT sum(retweet_count) FROM tweet_stats"
		seeded, before := s.number(t, "SELECT count(*) FROM tweets"), s.number(t, counted("revision", "changes"))
		retweets := s.number(t, retweeted)
		d.run(t, keep, 60)
		// A moment of heat adds up to six tweets and four retweets.
		made := s.number(t, "SELECT count(*) FROM tweets") - seeded
		if made < 60/8 || made > 60/4+1+6 {
			t.Errorf("%d tweets in 60 ticks", made)
		}
		if n := s.number(t, "SELECT count(*) FROM tweets WHERE deleted_at IS NULL"); n != seeded+keep {
			t.Errorf("%d tweets are there, want %d", n, seeded+keep)
		}
		if n := s.number(t, counted("revision", "changes")) - before; n < 20 {
			t.Errorf("%d reactions in 60 ticks", n)
		}
		if n := s.number(t, retweeted) - retweets; n < 60/12-2 || n > 60/6+1+4 {
			t.Errorf("%d retweets in 60 ticks", n)
		}
		// A new life remembers the tweets of the one before.
		d.run(t, keep, 10)
		if n := s.number(t, "SELECT count(*) FROM tweets WHERE deleted_at IS NULL"); n != seeded+keep {
			t.Errorf("%d tweets are there after a new start, want %d", n, seeded+keep)
		}
		mine, err := s.Client.Tweet.Query().Where(tweet.AuthorID(d.w.Visitor), tweet.TextEQ(sentences()[0]),
			tweet.DeletedAtIsNil()).Count(t.Context())
		if err != nil || mine == 0 {
			t.Errorf("the visitor's tweet is gone: %v", err)
		}
		s.audit(t)
		// Nobody looks: nothing happens.
		<-d.idle
		d.idle <- true
		events := s.number(t, "SELECT count(*) FROM events")
		d.run(t, keep, 20)
		if n := s.number(t, "SELECT count(*) FROM events"); n != events {
			t.Errorf("%d events while nobody looked", n-events)
		}
	})
}

// What people say in Life answers what its script says that it answers, by the people of the script. A moment of heat is one.
func TestLifeTalksAndGlows(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		d := drive(t, s)
		before := s.number(t, "SELECT max(id) FROM tweets")
		d.run(t, 0, firstHeatAfter+heatTicks+5)
		rows, err := s.Client.Tweet.Query().Where(tweet.IDGT(before)).Order(ent.Asc(tweet.FieldID)).All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		type wanted struct{ author, parent string }
		script, hot := map[string]wanted{}, map[string]int{}
		for _, sc := range scripts("life.txt") {
			for _, l := range sc.lines {
				w := wanted{author: fmt.Sprint(d.w.ids[l.author])}
				if l.parent >= 0 {
					w.parent = sc.lines[l.parent].text
				}
				script[l.text] = w
			}
			if sc.hot {
				hot[sc.lines[0].text] = len(sc.lines)
			}
		}
		texts, answers, glowed := map[int64]string{}, 0, 0
		for _, row := range rows {
			texts[row.ID] = row.Text
			var parent string
			if row.InReplyTo != nil {
				parent, answers = texts[*row.InReplyTo], answers+1
			}
			if w, ok := script[row.Text]; ok && w != (wanted{fmt.Sprint(row.AuthorID), parent}) {
				t.Errorf("%d answers %q with %q", row.AuthorID, parent, row.Text)
			}
			if row.AuthorID == d.w.Visitor {
				t.Errorf("the visitor says %q", row.Text)
			}
			if hot[row.Text] == 0 {
				continue
			}
			glowed++
			id := fmt.Sprint(row.ID)
			likes := s.number(t, "SELECT count(*) FROM reactions WHERE kind = 1 AND tweet_id = "+id)
			retweets := s.number(t, "SELECT count(*) FROM retweets WHERE tweet_id = "+id)
			replies := s.number(t, "SELECT count(*) FROM tweets WHERE in_reply_to = "+id)
			if likes < heatLikes-5 || retweets < 2 || replies < 2 { // somebody may take a like back
				t.Errorf("the hot tweet has %d likes, %d retweets and %d replies", likes, retweets, replies)
			}
		}
		if glowed != 1 || answers < 4 {
			t.Errorf("%d moments of heat and %d answers among %d tweets", glowed, answers, len(rows))
		}
		s.audit(t)
	})
}

// In a world of an earlier release, which lacks people, Life has the conversations of those who are there.
func TestLifeInAnOlderWorld(t *testing.T) {
	t.Parallel()
	ids := make([]int64, len(people))
	for i := range people[:40] {
		ids[i] = int64(1_000 + i)
	}
	talk := newTalk(NewLife(LifeOptions{World: &World{ids: ids}}).random, ids)
	if len(talk.cold.all) < 10 || len(talk.hot.all) < 2 {
		t.Errorf("%d conversations, %d hot ones", len(talk.cold.all), len(talk.hot.all))
	}
	said := map[int64]int{}
	for i := range 2_000 {
		u := talk.next()
		if u.author != anybody && u.authorID == 0 {
			t.Fatalf("nobody says %q", u.text)
		}
		u.said(int64(i + 1))
		said[u.authorID]++
		if len(talk.open) > maxOpen {
			t.Fatalf("%d conversations at a time", len(talk.open))
		}
	}
	if len(said) < 20 {
		t.Errorf("only %v speak", slices.Collect(maps.Keys(said)))
	}
}
