package words

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"

	"roost/internal/entities"
)

// Kind distinguishes tokens with the same text.
type Kind uint8

// The kinds.
const (
	// Word is a word, a character, a pair of neighbours, or an emoji.
	Word Kind = iota + 1
	// Hashtag is the key of a hashtag, without its sign.
	Hashtag
	// Mention is a username in lower case, without its sign.
	Mention
	// Host is the host of a link, or a domain that it belongs to.
	Host
)

// Token is what an index stores of a text.
type Token struct {
	Kind Kind
	Text string
	// Position counts the words of the text from 0. Several tokens may have the same one, and tokens are in no order.
	Position int
}

// Limits of what a text becomes.
const (
	MaxTokens     = 1024
	MaxTokenBytes = 256
	MaxRepeats    = 255
)

// maxHostLabels is the number of labels of the longest domain that is a token.
const maxHostLabels = 4

// Tokens returns the tokens of a text.
func Tokens(text string) []Token {
	t := tokenizer{tokens: make([]Token, 0, min(len(text)/4+4, MaxTokens))}
	t.text(text)
	return t.tokens
}

// tokenizer collects the tokens of a text.
type tokenizer struct {
	tokens   []Token
	position int
	run      []string // the characters of the run that may go on
	// query leaves out the tokens that a text has whenever it has another one of the same clause.
	query   bool
	repeats map[Token]int // by token with position 0, once there may be too many
}

func (t *tokenizer) text(text string) {
	at := 0
	for _, e := range entities.Find(text) {
		t.words(text[at:e.StartByte])
		at = e.EndByte
		start, before := t.position, len(t.tokens)
		switch e.Kind {
		case entities.Hashtag:
			t.words(e.Name)
			if t.query {
				t.tokens = t.tokens[:before]
			}
			t.add(Hashtag, e.Key, start)
		case entities.Mention:
			t.add(Mention, e.Key, start)
		case entities.Link:
			t.link(text[e.StartByte:e.EndByte])
		}
		t.position = max(t.position, start+1)
	}
	t.words(text[at:])
}

// link adds the hosts and the words of a link.
func (t *tokenizer) link(text string) {
	if _, after, ok := strings.Cut(text, "://"); ok {
		text = after
	}
	host, rest := text, ""
	if i := strings.IndexAny(text, "/:?"); i >= 0 {
		host, rest = text[:i], text[i:]
	}
	labels := strings.Split(host, ".")
	named := false
	for i, label := range labels {
		start, before := t.position, len(t.tokens)
		t.words(label)
		n := len(labels) - i
		isHost := n >= 2 && n <= maxHostLabels
		if t.query && (isHost || named) {
			t.tokens = t.tokens[:before]
		}
		if isHost && !(t.query && named) {
			t.add(Host, entities.Key(strings.Join(labels[i:], ".")), start)
			named = true
		}
	}
	if decoded, err := url.PathUnescape(rest); err == nil && utf8.ValidString(decoded) {
		rest = decoded
	}
	t.words(strings.ReplaceAll(rest, "_", " "))
}

// words adds the words of a text that has no entities.
func (t *tokenizer) words(text string) {
	if text == "" {
		return
	}
	segments := words.FromString(folded(text))
	for segments.Next() {
		t.segment(segments.Value())
	}
	t.endRun()
}

// folded returns the text in which words are looked for.
func folded(text string) string {
	return entities.Fold(strings.Map(func(r rune) rune {
		switch {
		case r < 0x80, r == zeroWidthSpace, r == joiner:
			return r
		case r == '’':
			return '\''
		case unicode.Is(unicode.Cf, r), isSelector(r):
			return -1
		}
		return r
	}, text))
}

const (
	zeroWidthSpace = 0x200b
	joiner         = 0x200d
)

func isSelector(r rune) bool { return 0xfe00 <= r && r <= 0xfe0f }

// segment adds what a segment of UAX 29 has: one word, or characters of runs, or both, as in K팝.
func (t *tokenizer) segment(s string) {
	word := 0 // where the word begins that is not added yet
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isDense(r) {
			i += size
			continue
		}
		t.word(s[word:i])
		end := i + size
		for end < len(s) {
			mark, size := utf8.DecodeRuneInString(s[end:])
			if !unicode.IsMark(mark) && mark != joiner {
				break
			}
			end += size
		}
		t.run = append(t.run, s[i:end])
		i, word = end, end
	}
	t.word(s[word:])
}

// word adds a word, if s is one. Anything but marks ends the run before it.
func (t *tokenizer) word(s string) {
	if s == "" {
		return
	}
	t.endRun()
	// A joiner can make one segment of a space and an emoji, and underscores belong to words for UAX 29.
	s = strings.TrimRight(strings.TrimLeftFunc(s, func(r rune) bool { return !isLetter(r) && !isEmoji(r) }), "_")
	if s == "" {
		return
	}
	if strings.ContainsFunc(s, isLetter) {
		s = strings.ReplaceAll(s, string(rune(joiner)), "")
	}
	// Between Hebrew letters, where people write " instead of ״, it belongs to the word (WB7b).
	t.add(Word, strings.ReplaceAll(s, `"`, "״"), t.position)
	t.position++
}

// endRun adds the characters of the run and its pairs.
func (t *tokenizer) endRun() {
	for i, char := range t.run {
		if !t.query || len(t.run) == 1 {
			t.add(Word, char, t.position)
		}
		if i+1 < len(t.run) {
			t.add(Word, char+t.run[i+1], t.position)
		}
		t.position++
	}
	t.run = t.run[:0]
}

// add adds a token, unless there are too many.
func (t *tokenizer) add(kind Kind, text string, position int) {
	if len(t.tokens) >= MaxTokens {
		return
	}
	token := Token{Kind: kind, Text: cut(text)}
	if len(t.tokens) >= MaxRepeats && t.repeated(token) {
		return
	}
	token.Position = position
	t.tokens = append(t.tokens, token)
}

// repeated counts a token, and reports whether the text has it too often.
func (t *tokenizer) repeated(token Token) bool {
	if t.repeats == nil {
		t.repeats = map[Token]int{}
		for _, earlier := range t.tokens {
			earlier.Position = 0
			t.repeats[earlier]++
		}
	}
	t.repeats[token]++
	return t.repeats[token] > MaxRepeats
}

// cut returns at most MaxTokenBytes bytes of a text, in whole characters.
func cut(text string) string {
	if len(text) <= MaxTokenBytes {
		return text
	}
	end := MaxTokenBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// dense are the scripts of which characters and pairs are tokens.
var dense = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// isDense reports whether a character is a letter of one of these scripts. The prolonged sound mark
// belongs to two of them, and the ideographic zero is a number.
func isDense(r rune) bool {
	if r < 0xe00 {
		return false
	}
	return r == 'ー' || r == '〇' || unicode.IsLetter(r) && unicode.In(r, dense...)
}

// isLetter reports whether a character makes a word of its segment.
func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// isEmoji reports whether a character is a symbol of the kind that phones show as pictures.
func isEmoji(r rune) bool {
	blocks := 0x2300 <= r && r <= 0x23ff || 0x2600 <= r && r <= 0x27bf || 0x2b00 <= r && r <= 0x2bff || r >= 0x1f000
	return blocks && unicode.Is(unicode.So, r)
}
