package entities_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"roost/internal/entities"
	"roost/testkit/testtime"
)

func ExampleFind() {
	for _, e := range entities.Find("😀 @Alice: #Größe on example.com/a_(b).") {
		fmt.Println(e.Kind, e.Start, e.End, e.Name+e.URL, e.Key)
	}
	// Output:
	// mention 3 9 Alice alice
	// hashtag 11 17 Größe grösse
	// link 21 38 https://example.com/a_(b)
}

// What the entities of a text are, as `kind:text` for each.
func TestFind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "",
		"#go #Go1 #1 #_ # a#b &#39;": "hashtag:#go hashtag:#Go1",
		"#東京、#한국어 ＃ไทย #e\u0301te!":      "hashtag:#東京 hashtag:#한국어 hashtag:＃ไทย hashtag:#e\u0301te",
		"#a#b ##c #️⃣ 👍#d":               "hashtag:#c hashtag:#d",
		"@a, ＠b: a@b !@c @d@e RT@f (@g)": "mention:@a mention:＠b mention:@f mention:@g",
		"@a/list":                        "mention:@a",
		"a.com/#b?c=@d&e. #f":            "link:a.com/#b?c=@d&e hashtag:#f",
		"http://例え.jp/é, 例え.jp 例a.com":   "link:http://例え.jp/é link:a.com",
		"http://a.com/b_(c_(d)) (a.com)": "link:http://a.com/b_(c_(d)) link:a.com",
		"$ROOST a.b x@a.com":             "",
		"http://t.co/a.b":                "link:http://t.co/a.b",
		"\xff#a\xff a.com\xff":           "hashtag:#a link:a.com",
		"a.com:80 http://a.com:80/":      "link:a.com link:http://a.com:80/",
		"a." + strings.Repeat("b", 64) + ".com http://é." + strings.Repeat("b", 64) + ".com": "",
		"@" + strings.Repeat("a", 30) + " @" + strings.Repeat("a", 31):                       "mention:@" + strings.Repeat("a", 30),
	} {
		var got []string
		for _, e := range entities.Find(text) {
			got = append(got, e.Kind.String()+":"+text[e.StartByte:e.EndByte])
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%+q: found %+q, want %+q", text, s, want)
		}
	}
}

// Spellings that Unicode takes for the same name are one hashtag.
func TestKey(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[string][]string{
		"roost":    {"roost", "Roost", "ＲＯＯＳＴ", "ᴿᵒᵒˢᵗ"},
		"strasse":  {"Straße", "STRASSE", "STRAẞE"},
		"été":      {"été", "ÉTÉ", "e\u0301te\u0301"},
		"ガギ":       {"ガギ", "ｶﾞｷﾞ"},
		"σοφοσ":    {"Σοφος", "ΣΟΦΟΣ"},
		"i\u0307x": {"İX"}, // full folding, as Unicode has it without a language
		"東京":       {"東京"},
	} {
		for _, s := range spellings {
			if got := entities.Key(s); got != want {
				t.Errorf("Key(%+q) is %+q, want %+q", s, got, want)
			}
		}
	}
}

// hostile are shapes on which backtracking is slow.
var hostile = []string{
	"a.", "a_", "-a.", "_.", "é", "é.", "例.com", "xn--", "xn--é.", "a.com", "a.com/(", "a.com/(a(", "a.com/(a(b)", "a.com?!", "a.com/.",
	"http://", "http://a", "http://a.", "(", "#", "##a", "#a", "#1", "@", "@a", "@a@", "rt@", "RT:@a", "@a/b-", "a.co ", "भारत.भारत", "嘉里.",
	"😀.", "/", ".", "a.com/!!!!!!!!!!!!!!!!!!!!", "\xff.", "$a.b ", "1.com:1",
}

// Hostile text costs a bounded time for each byte. A pass that looks at the text anew for each character would not.
func TestTimeIsLinear(t *testing.T) {
	t.Parallel()
	testtime.Linear(t, hostile, func(text string) { entities.Find(text) })
}

// FuzzFind checks what holds for the entities of every text.
func FuzzFind(f *testing.F) {
	for _, text := range handWritten {
		f.Add(text)
	}
	for _, shape := range hostile {
		f.Add(strings.Repeat(shape, 3) + " " + shape)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := entities.Find(text)
		check(t, text, found)
		// What Find says of a text does not depend on what it was asked before.
		if !slices.Equal(found, entities.Find(strings.Clone(text))) {
			t.Errorf("%+q has other entities the second time", text)
		}
	})
}

func check(t *testing.T, text string, found []entities.Entity) {
	t.Helper()
	units := utf16.Encode([]rune(text))
	end, endByte := 0, 0
	for _, e := range found {
		if e.Start < end || e.End <= e.Start || e.End > len(units) {
			t.Fatalf("%+q: %+v is out of order or out of the text", text, e)
		}
		if e.StartByte < endByte || e.EndByte <= e.StartByte || e.EndByte > len(text) {
			t.Fatalf("%+q: %+v is out of order or out of the text in bytes", text, e)
		}
		if !utf8.RuneStart(text[e.StartByte]) || e.EndByte < len(text) && !utf8.RuneStart(text[e.EndByte]) && utf8.ValidString(text) {
			t.Fatalf("%+q: %+v splits a character", text, e)
		}
		part := text[e.StartByte:e.EndByte]
		if string(utf16.Decode(units[e.Start:e.End])) != string([]rune(part)) {
			t.Fatalf("%+q: offsets of %+v in UTF-16 and in bytes differ", text, e)
		}
		_, sign := utf8.DecodeRuneInString(part)
		switch e.Kind {
		case entities.Hashtag:
			if e.Name != part[sign:] || e.Key == "" || e.Key != entities.Key(e.Key) || e.URL != "" || !strings.ContainsAny(part[:sign], "#＃") {
				t.Fatalf("%+q: %+v is no hashtag", text, e)
			}
		case entities.Mention:
			if e.Name != part[sign:] || e.Key != strings.ToLower(e.Name) || len(e.Name) > entities.MaxUsername || e.URL != "" {
				t.Fatalf("%+q: %+v is no mention", text, e)
			}
		case entities.Link:
			if e.Name != "" || e.Key != "" || !strings.HasSuffix(e.URL, part) || !strings.Contains(e.URL, "://") {
				t.Fatalf("%+q: %+v is no link", text, e)
			}
		default:
			t.Fatalf("%+q: %+v has no kind", text, e)
		}
		end, endByte = e.End, e.EndByte
	}
}

// A text of 280 characters as people write them, and one without entities.
func BenchmarkFind(b *testing.B) {
	prose := strings.Repeat("Finally fixed the cache, after ten years. ", 7)[:280]
	mixed := "@alice @bob: " + strings.Repeat("Finally fixed the cache. ", 8) + "#caching #東京 https://example.com/a_(b)?c=d"
	mixed += strings.Repeat("!", 280-utf8.RuneCountInString(mixed))
	han, dots := strings.Repeat("東京の夜。#猫 ", 31), strings.Repeat("a.", 140)
	for name, text := range map[string]string{"prose": prose, "mixed": mixed, "han": han, "dots": dots, "10KB": strings.Repeat(dots, 37)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				entities.Find(text)
			}
		})
	}
}
