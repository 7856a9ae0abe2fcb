package entities

import "unicode/utf8"

// scan holds the characters of a text and their classes.
type scan struct {
	chars   []rune
	classes []class
	hosts   []int32 // see hostEnds
}

// scanBuffer keeps texts of usual length on the stack.
type scanBuffer struct {
	chars   [usual]rune
	classes [usual]class
	hosts   [usual]int32
	spans   [16]span
}

// usual is the length of the longest tweet.
const usual = 280

func newScan(text string, b *scanBuffer) *scan {
	s := &scan{chars: b.chars[:0], classes: b.classes[:0], hosts: b.hosts[:]}
	if len(text) > usual {
		if n := utf8.RuneCountInString(text); n > usual {
			s.chars, s.classes, s.hosts = make([]rune, 0, n), make([]class, 0, n), make([]int32, n)
		}
	}
	for _, r := range text {
		s.chars = append(s.chars, r)
		s.classes = append(s.classes, classOf(r))
	}
	s.hosts = s.hosts[:len(s.chars)]
	return s
}

// is reports whether there is a character at i, and it is in the class.
func (s *scan) is(i int, c class) bool { return i < len(s.classes) && s.classes[i]&c != 0 }

// at reports whether the character at i is r.
func (s *scan) at(i int, r rune) bool { return i < len(s.chars) && s.chars[i] == r }

// while returns the end of the run of characters of a class that begins at i, or i.
func (s *scan) while(i int, c class) int {
	for s.is(i, c) {
		i++
	}
	return i
}

// isProtocolEnd reports whether :// is at i.
func (s *scan) isProtocolEnd(i int) bool { return s.at(i, ':') && s.at(i+1, '/') && s.at(i+2, '/') }
