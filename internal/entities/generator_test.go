package entities_test

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// handWritten are texts that show each rule and each difference.
var handWritten = []string{
	"", "#", "@", ".", "#1", "#a", "#1a", "#_", "#_a", "#é", "#e\u0301", "#\u0301", "#東京", "#한국", "#ไทย",
	"#עברית", "#العربية",
	"＃全角 ＠zenkaku", "#️⃣ #a", "#⃣", "👍#a", "a#b", "&#39; &#a", "#a#b", "##b", "#a##b", "#a\ufe0f#b",
	"#http://example.com", "#a://b",
	"@a", "@a@b", "a@b.com", "RT@a", "RT @a: RT: @b", "xRT@a", "-rt@a", "@aé", "@a\u0301", "@a://", "!@a", "(@a)", "@a/@b", "@_", "@１",
	"http://example.com/(a)", "http://example.com/a_(b_(c)_d).", "http://example.com/a_(b", "example.com/a).", "http://example.com/().",
	"http://example.com/((a))", "http://example.com/#a @b", "http://example.com/@a/b", "http://example.com/?q=@a#b.", "example.com:80",
	"example.com:80/a", "example.com?a=b", "http://example.com:80?a=b", "http://例え.jp", "例え.jp", "例example.com",
	"例え.example.com",
	"日本語example.comの", "a_b.example.com", "a.b_c.com", "-a.com", "a-.com", "example.comx", "example.com.", "example.com@a",
	"example.co",
	"example.onion", "xn--a.com", "http://xn--é.xn--a", "a.xn--90a", "http://example.中国/é?x", "test.香港/x",
	"http://嘉里.嘉里大酒店",
	"http://a.b", "http://localhost", "http://1.2.3.4", "https://https://a.com", "HTTP://EXAMPLE.COM", "http://a.com/–b",
	"a.com/б", "\ufeffa.com",
	"$a.com", "#a.com", "@a.com", "/a.com", "..a.com", "😀a.com", "@😀-foo.com", "a😀.com/b", "http://😀.com",
	"\u202aa.com", "a.com,b.com;c.com",
	"http://" + strings.Repeat("a", 64) + ".com", "http://" + strings.Repeat("é", 60) + ".com", "http://" + strings.Repeat("é",
		50) + ".com",
	"http://" + strings.Repeat("例", 59) + ".com a.com", "http://a.com/" + strings.Repeat("a", 4096), "$ROOST $a.b #a",
	"#\u08e3\U0001e900", "@" + strings.Repeat("a", 20), "@" + strings.Repeat("a", 21), "@" + strings.Repeat("a", 30),
	"@" + strings.Repeat("a", 31),
	"@a/b", "@a/1", "http://t.co/abc.def", "http://t.co/" + strings.Repeat("a", 41), "a.com.例.中国/p", "例.a.comb.例a.com",
	"ไทย.test.香港test.香港",
}

// generator makes texts of hostile shapes.
type generator struct{ *rand.Rand }

var (
	words = []string{"a", "go", "Roost", "日本", "語", "カタカナ", "ｶﾞ", "한국어", "ไทย", "עברית",
		"العَرَبية", "été", "e\u0301", "Straße", "привет", "ά", "1", "2024",
		"१२", "_", "x_y", "rt", "RT", "http", "www", "com", "😀", "👩‍👩‍👧", "❤️", "🇩🇪", "𝒳", "𐐀",
		"\u200c", "\u200d", "\ufe0f", "\ufe0e", "\u20e3", "·", "・", "〜",
		"xn--a", "é", "б", "ı", "İ", "ſ", "K"}
	marks = []string{" ", " ", " ", "\n", "\u00a0", "\u3000", "\u200b", "\u202a", "\u2066", "\ufeff", ".", ".", "-", "_", "/", ":",
		"://", ",", "!", "?", "&", "$", "'", "\"",
		"(", ")", "((", "))", "[", "]", "…", "。", "、", "「", "」", "–", "—", "#", "#", "@", "@", "＃", "＠", "%", "+",
		"~", "=", ";", "*", "|", "\\", "`", "\x00", "\x7f"}
	hosts = []string{"example.com", "a.co.uk", "例え.jp", "сайт.рф", "foo_bar.example.org", "test.香港",
		"x.嘉里大酒店", "xn--80ak6aa92e.com", "1.2.3.4", "a.b", "t.co",
		"münchen.de", "EXAMPLE.ORG", "-a.com", "a-.net", "a.xn--p1ai", "x.भारतम्", "localhost", "a..com", "b.vermögensberater"}
	paths = []string{"/", "/a", "/a/b.html", "/wiki/A_(b)", "/x_(y_(z))", "/((a))", "/()", "/a.", "/a,", "/é", "/б", "/日本",
		"/@a/b", "/#a", "/a;b!", "/~a|b", "/%20",
		"/a–b", "/a(b", "/a)b"}
	queries = []string{"?a=b", "?a=b&c=d#e", "?", "??", "?a.", "?(x)", "?@a", "?a=é"}
)

func pick(g generator, list []string) string { return list[g.IntN(len(list))] }

// text is up to 280 characters.
func (g generator) text() string {
	var b strings.Builder
	for range 1 + g.IntN(14) {
		switch g.IntN(10) {
		case 0, 1:
			b.WriteString(pick(g, words))
		case 2, 3:
			b.WriteString(pick(g, marks))
		case 4:
			b.WriteString(pick(g, []string{"#", "#", "#", "＃"}) + pick(g, words))
		case 5:
			b.WriteString(pick(g, []string{"@", "@", "@", "＠"}) + g.name())
		case 6, 7:
			b.WriteString(g.link())
		case 8:
			b.WriteString(g.runeOfSomeBlock())
		case 9:
			b.WriteString(pick(g, []string{" ", "\n", " #", " @", ". ", "a", "é"}))
		}
	}
	text := b.String()
	if utf8.RuneCountInString(text) > 280 {
		text = string([]rune(text)[:280])
	}
	return text
}

func (g generator) name() string {
	if g.IntN(60) == 0 {
		return strings.Repeat("a", 19+g.IntN(14))
	}
	return pick(g, []string{"a", "alice", "Bob_1", "_", "9", "été", "日本", "a" + pick(g, marks)})
}

func (g generator) link() string {
	link := pick(g, []string{"", "", "http://", "https://", "HTTP://", "ftp://", "http:/"})
	for range g.IntN(2) {
		link += pick(g, words) + "."
	}
	link += pick(g, hosts)
	if g.IntN(4) == 0 {
		link += pick(g, []string{":80", ":", ":a", "." + pick(g, hosts), pick(g, words)})
	}
	for range g.IntN(3) {
		link += pick(g, paths)
	}
	if g.IntN(3) == 0 {
		link += pick(g, queries)
	}
	return link
}

// runeOfSomeBlock is a character of any block, most often of one with letters.
func (g generator) runeOfSomeBlock() string {
	tops := []int{0x80, 0x250, 0x600, 0x2100, 0x3100, 0xa000, 0x10000, 0x1f700, 0x30000}
	for {
		if r := rune(g.IntN(tops[g.IntN(len(tops))])); utf8.ValidRune(r) {
			return string(r)
		}
	}
}
