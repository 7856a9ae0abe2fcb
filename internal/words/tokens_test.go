package words_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"roost/internal/entities"
	"roost/internal/words"
	"roost/testkit/testtime"
)

func ExampleTokens() {
	fmt.Println(show(words.Tokens("Don’t miss #Go_Lang, @Alice: 東京都 on A.b")))
	// Output:
	// 0:don't 1:miss 2:#go_lang 2:go_lang 3:@alice 4:東 4:東京 5:京 5:京都 6:都 7:on 8:a.b
}

// show prints tokens in the order of their positions.
func show(tokens []words.Token) string {
	sign := map[words.Kind]string{words.Hashtag: "#", words.Mention: "@", words.Host: "//"}
	lines := []string{}
	tokens = slices.Clone(tokens)
	slices.SortFunc(tokens, func(a, b words.Token) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(sign[a.Kind]+a.Text, sign[b.Kind]+b.Text))
	})
	for _, token := range tokens {
		lines = append(lines, fmt.Sprintf("%d:%s%s", token.Position, sign[token.Kind], token.Text))
	}
	return strings.Join(lines, " ")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "",
		"\x00 '; DROP % _ \\ \" ( ) * :": "0:drop",
		"Go go GO Ｇｏ":                    "0:go 1:go 2:go 3:go",
		"#go go @go":                     "0:#go 0:go 1:go 2:@go",
		"#foo_bar #東京":                   "0:#foo_bar 0:foo_bar 1:#東京 1:東 1:東京 2:京",
		"Straße 3.14 can't can’t":        "0:strasse 1:3.14 2:can't 3:can't",
		"e\u0301te\u0301 été":            "0:été 1:été",
		"_foo_ __ a_b":                   "0:foo 1:a_b",
		"猫":                              "0:猫",
		"猫の 猫":                           "0:猫 0:猫の 1:の 2:猫",
		"ｶﾞｷ":                            "0:ガ 0:ガキ 1:キ",
		"한국어":                            "0:한 0:한국 1:국 1:국어 2:어",
		"K팝2":                            "0:k 1:팝 2:2",
		"กำ":                             "0:ก\u0e4d 0:ก\u0e4dา 1:า",
		"ไทย a":                          "0:ไ 0:ไท 1:ท 1:ทย 2:ย 3:a",
		"a\u200eb x\u00ady می\u200cخ":    "0:ab 1:xy 2:میخ",
		"❤️ ❤ 👩‍👩‍👧 🇩🇪 © →":                           "0:❤ 1:❤ 2:👩‍👩‍👧 3:🇩🇪",
		"see http://www.example.com/A_b?c=%E7%8C%AB.": "0:see 1://www.example.com 1:www 2://example.com 2:example 3:com 4:a 5:b 6:c 7:猫",
		"צה\"ל צה״ל a\"b":                             "0:צה״ל 1:צה״ל 2:a 3:b",
		"#ﷺ":                                          "0:#صلىاللهعليهوسلم 0:صلى 1:الله 2:عليه 3:وسلم",
		"x.y.a.b.co.uk":                               "0:x 1:y 2://a.b.co.uk 2:a 3://b.co.uk 3:b 4://co.uk 4:co 5:uk",
		"my-site.com":                                 "0://my-site.com 0:my 1:site 2:com",
		"node.js a.b \xff ok":                         "0:node.js 1:a.b 2:ok",
		strings.Repeat("é", 200):                      "0:" + strings.Repeat("é", 128),
	} {
		if got := show(words.Tokens(text)); got != want {
			t.Errorf("%+q has the tokens\n%s\nwant\n%s", text, got, want)
		}
	}
}

// However long and hostile a text is, its tokens are bounded.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"a ", "猫", "ﷺ", "#a ", "a.com/", "é", "#é", "a.", "👩‍", "e\u0301", "\u0301", "x" + "\u0301"} {
		tokens := words.Tokens(strings.Repeat(shape, 20<<10/len(shape)))
		checkTokens(t, shape, tokens)
		if len(tokens) == 0 && shape != "\u0301" {
			t.Errorf("%q repeated has no tokens", shape)
		}
	}
}

func checkTokens(t *testing.T, text string, tokens []words.Token) {
	t.Helper()
	if len(tokens) > words.MaxTokens {
		t.Errorf("%.40q has %d tokens", text, len(tokens))
	}
	repeats := map[words.Token]int{}
	for _, token := range tokens {
		if token.Text == "" || len(token.Text) > words.MaxTokenBytes || !utf8.ValidString(token.Text) || token.Position < 0 {
			t.Errorf("%.40q has the token %+v", text, token)
		}
		if token.Kind < words.Word || token.Kind > words.Host {
			t.Errorf("%.40q has a token without kind: %+v", text, token)
		}
		if token.Kind != words.Host && strings.ContainsAny(token.Text, "\x00 \t\n\"%\\()*&|!<>{}[]^$") {
			t.Errorf("%.40q has punctuation in the token %+q", text, token.Text)
		}
		if repeats[token]++; repeats[token] > 1 {
			t.Errorf("%.40q has %+v twice", text, token)
		}
		token.Position = -1
		if repeats[token]++; repeats[token] > words.MaxRepeats {
			t.Errorf("%.40q has %+v more than %d times", text, token, words.MaxRepeats)
		}
	}
}

// Tokenizing takes time that grows with the text, and not faster.
func TestTimeIsLinear(t *testing.T) {
	t.Parallel()
	testtime.Linear(t, []string{
		"a ", "a.", "猫", "가", "ก็", "é", "\u0301", "a\u0301", "#a", "@a ", "a.com/", "a.com ", "👩‍", "'", "a'", "1,", "\u200d", "_", "ﷺ",
	}, func(text string) { words.Tokens(text) })
}

// Folding twice changes nothing, so what is stored can be compared with what is asked.
func TestTokensAreFolded(t *testing.T) {
	t.Parallel()
	for r := rune(0x80); r < 0x20000; r++ {
		if unicode.In(r, unicode.Han, unicode.Hangul, unicode.Co, unicode.Cs) && r < 0xf900 { // many, and all alike
			continue
		}
		text := string([]rune{'A', r, 'B'})
		if once := entities.Fold(text); entities.Fold(once) != once {
			t.Errorf("Fold(%+q) is not folded", text)
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	prose := strings.Repeat("Finally fixed the cache, after ten years. ", 7)[:280]
	mixed := "@alice @bob: " + strings.Repeat("Finally fixed the cache. ", 8) + "#caching #東京 https://example.com/a_(b)?c=d"
	mixed += strings.Repeat("!", 280-utf8.RuneCountInString(mixed))
	for name, text := range map[string]string{"prose": prose, "mixed": mixed, "han": strings.Repeat("東京の夜。#猫 ", 31)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				words.Tokens(text)
			}
		})
	}
}
