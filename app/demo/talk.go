package demo

import "math/rand/v2"

const (
	// maxOpen is how many conversations go on at a time, besides those of a moment of heat.
	maxOpen = 4
	// anybody is the author of a text that fits everybody.
	anybody = -1
)

// talk decides what is said next: the conversations of the scripts, and single sentences between them. Each is begun in a random order;
// after the last one talk begins again.
type talk struct {
	random         *rand.Rand
	ids            []int64 // of people; 0 for those who do not exist
	cold, hot      deck[script]
	sentences      deck[*deck[string]] // of each pattern
	open           []*conversation
	sentenceIsNext bool
}

// conversation is a script of which a part has been said.
type conversation struct {
	script
	// tweets are the lines that have been said.
	tweets []int64
}

// utterance is a tweet to be posted. of is the conversation to which it belongs, nil for a sentence.
type utterance struct {
	author              int
	authorID, inReplyTo int64
	text                string
	of                  *conversation
}

// said continues the conversation after its next line has become a tweet.
func (u utterance) said(id int64) {
	if u.of != nil {
		u.of.tweets = append(u.of.tweets, id)
	}
}

func newTalk(random *rand.Rand, people []int64) talk {
	t := talk{random: random, ids: people}
	for _, p := range patterns {
		t.sentences.all = append(t.sentences.all, &deck[string]{all: fill([]string{p})})
	}
	for _, s := range scripts("life.txt") {
		switch {
		case !t.canPlay(s):
		case s.hot:
			t.hot.all = append(t.hot.all, s)
		default:
			t.cold.all = append(t.cold.all, s)
		}
	}
	return t
}

// canPlay reports whether all people of a script exist.
func (t *talk) canPlay(s script) bool {
	for _, l := range s.lines {
		if l.author == 0 || l.author >= len(t.ids) || t.ids[l.author] == 0 {
			return false
		}
	}
	return true
}

// texts are all texts that talk may say.
func (t *talk) texts() map[string]bool {
	known := map[string]bool{}
	for _, text := range sentences() {
		known[text] = true
	}
	for _, scripts := range [][]script{t.cold.all, t.hot.all} {
		for _, s := range scripts {
			for _, l := range s.lines {
				known[l.text] = true
			}
		}
	}
	return known
}

// next returns what is said next: mostly an answer, if a conversation goes on. Conversations and sentences begin in turn.
func (t *talk) next() utterance {
	if n := len(t.open); n == maxOpen || n > 0 && t.random.IntN(3) > 0 {
		return t.line(t.open[t.random.IntN(n)])
	}
	t.sentenceIsNext = !t.sentenceIsNext
	if t.sentenceIsNext || len(t.cold.all) == 0 {
		return utterance{author: anybody, text: t.sentences.draw(t.random).draw(t.random)}
	}
	c := &conversation{script: t.cold.draw(t.random)}
	t.open = append(t.open, c)
	return t.line(c)
}

// line returns the next line of a conversation, which ends with its last.
func (t *talk) line(c *conversation) utterance {
	l := c.lines[len(c.tweets)]
	u := utterance{author: l.author, authorID: t.ids[l.author], text: l.text, of: c}
	if l.parent >= 0 {
		u.inReplyTo = c.tweets[l.parent]
	}
	if len(c.tweets) == len(c.lines)-1 {
		t.end(c)
	}
	return u
}

// end ends a conversation, which may have ended before.
func (t *talk) end(c *conversation) {
	for i, other := range t.open {
		if other == c {
			t.open = append(t.open[:i], t.open[i+1:]...)
			return
		}
	}
}

// deck is a list whose items are drawn in a random order, all of them before one comes again.
type deck[T any] struct {
	all  []T
	left []int
}

func (d *deck[T]) draw(r *rand.Rand) T {
	if len(d.left) == 0 {
		d.left = r.Perm(len(d.all))
	}
	i := d.left[len(d.left)-1]
	d.left = d.left[:len(d.left)-1]
	return d.all[i]
}
