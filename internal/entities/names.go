package entities

// Variation selectors, and the keycap: # and what follows are one emoji.
const (
	textStyle  = 0xfe0e
	emojiStyle = 0xfe0f
	keycap     = 0x20e3
)

func isHash(r rune) bool { return r == '#' || r == '＃' }
func isAt(r rune) bool   { return r == '@' || r == '＠' }

// hashtags appends the hashtags of the text, in order.
func (s *scan) hashtags(found []span) []span {
	taken := 0 // the end of the last run; a character before it is not looked at again
	for p, r := range s.chars {
		if !isHash(r) || p > 0 && (p-1 < taken || !s.beginsTag(p-1)) || s.at(p+1, emojiStyle) || s.at(p+1, keycap) {
			continue
		}
		end, letters := p+1, false
		for ; s.is(end, inTag); end++ {
			letters = letters || s.classes[end]&letter != 0
		}
		if !letters {
			continue
		}
		taken = end
		if end < len(s.chars) && isHash(s.chars[end]) || s.isProtocolEnd(end) {
			continue
		}
		found = append(found, span{kind: Hashtag, start: p, end: end})
	}
	return found
}

// beginsTag reports whether a hashtag may begin after the character at i.
func (s *scan) beginsTag(i int) bool {
	r := s.chars[i]
	return r == textStyle || r == emojiStyle || r != '&' && !s.is(i, inTag)
}

// mentions appends the mentions of the text, in order.
func (s *scan) mentions(found []span) []span {
	taken := 0
	for p, r := range s.chars {
		if !isAt(r) || !s.beginsMention(p, taken) {
			continue
		}
		end := s.while(p+1, inName)
		if end == p+1 {
			continue
		}
		taken = end
		if end-p-1 > MaxUsername || s.is(end, bars) || s.isProtocolEnd(end) {
			continue
		}
		found = append(found, span{kind: Mention, start: p, end: end})
	}
	return found
}

// beginsMention reports whether what comes before the @ at p lets it begin a mention. Characters before taken are part of
// an earlier name.
func (s *scan) beginsMention(p, taken int) bool {
	if p == 0 {
		return true
	}
	if p-1 >= taken && !s.is(p-1, blocks) {
		return true
	}
	// RT directly before it, as a word of its own.
	if p < 2 || s.chars[p-1]|0x20 != 't' || s.chars[p-2]|0x20 != 'r' {
		return false
	}
	if p == 2 {
		return true
	}
	switch before := p - 3; s.chars[before] {
	case '+', '~', '.', '-':
		return false
	default:
		return before >= taken && !s.is(before, inName)
	}
}
