package entities

import "unicode/utf8"

// Kind is what an entity is.
type Kind uint8

// The kinds.
const (
	Link Kind = iota + 1
	Mention
	Hashtag
)

// String returns the name of the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Link:
		return "link"
	case Mention:
		return "mention"
	case Hashtag:
		return "hashtag"
	}
	return "none"
}

// Entity is a part of a text with a meaning. Its offsets include the sign (#, @) and the end is exclusive.
type Entity struct {
	Kind Kind
	// Start and End are offsets in UTF-16 code units, as string APIs of clients count. A byte that is not UTF-8 counts as one.
	Start, End int
	// StartByte and EndByte are the same offsets in bytes of the text.
	StartByte, EndByte int
	// Name is the hashtag or the username as it is written, without its sign; empty for a link.
	Name string
	// Key is the form in which names are compared: [Key] of a hashtag, the username in lower case; empty for a link.
	Key string
	// URL is where a link leads: its text, after https:// if it has no protocol; empty for other kinds.
	URL string
}

// MaxUsername is the length of the longest username that a mention may have.
const MaxUsername = 30

// span is an entity during the search, in indexes of characters.
type span struct {
	kind       Kind
	start, end int
	protocol   bool // of a link
}

// Find returns the entities of a text in order. They do not overlap. It returns nil for a text without any.
func Find(text string) []Entity {
	signs := signsOf(text)
	if signs == 0 {
		return nil
	}
	var buffer scanBuffer
	s := newScan(text, &buffer)
	found := buffer.spans[:0]
	if signs&hasDot != 0 {
		found = s.links(found)
	}
	links := len(found)
	if signs&hasAt != 0 {
		found = s.mentions(found)
	}
	mentions := len(found)
	if signs&hasHash != 0 {
		found = s.hashtags(found)
	}
	if len(found) == 0 {
		return nil
	}
	return located(text, merged([...][]span{found[:links], found[links:mentions], found[mentions:]}))
}

// What a text must contain to have entities of a kind.
const (
	hasDot = 1 << iota
	hasAt
	hasHash
)

func signsOf(text string) (signs int) {
	for _, r := range text {
		switch r {
		case '.':
			signs |= hasDot
		case '@', '＠':
			signs |= hasAt
		case '#', '＃':
			signs |= hasHash
		}
	}
	return signs
}

// merged returns the spans of lists that are in order, in order, without each that begins before the end of one that begins
// earlier. Of two that begin at the same place, the one of the first list counts.
func merged(lists [3][]span) []span {
	end, all := 0, make([]span, 0, len(lists[0])+len(lists[1])+len(lists[2]))
	for {
		first := none
		for i, list := range lists {
			if len(list) > 0 && (first == none || list[0].start < lists[first][0].start) {
				first = i
			}
		}
		if first == none {
			return all
		}
		if next := lists[first][0]; next.start >= end {
			all, end = append(all, next), next.end
		}
		lists[first] = lists[first][1:]
	}
}

// located turns spans, in order, into entities with offsets, in one walk over the text.
func located(text string, spans []span) []Entity {
	found := make([]Entity, 0, len(spans))
	char, unit, at := 0, 0, 0 // the same place in characters, in UTF-16 code units and in bytes
	advance := func(to int) {
		for char < to {
			r, size := utf8.DecodeRuneInString(text[at:])
			char++
			at += size
			unit += units(r)
		}
	}
	for _, s := range spans {
		advance(s.start)
		e := Entity{Kind: s.kind, Start: unit, StartByte: at}
		advance(s.end)
		e.End, e.EndByte = unit, at
		part := text[e.StartByte:e.EndByte]
		switch s.kind {
		case Link:
			e.URL = part
			if !s.protocol {
				e.URL = "https://" + part
			}
		default:
			_, sign := utf8.DecodeRuneInString(part)
			e.Name = part[sign:]
			e.Key = Key(e.Name)
		}
		found = append(found, e)
	}
	return found
}

// units is how many UTF-16 code units a character takes.
func units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}
