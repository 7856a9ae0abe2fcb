package transport_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// Texts that a database refuses or a client could not read back are refused before decoding hides them.
func TestHostileText(t *testing.T) {
	t.Parallel()
	f := start(t)
	variable := func(literal string) string {
		return `{"query":"query($t:String){echo(text:$t)}","variables":{"t":"` + literal + `"}}`
	}
	inDocument := func(literal string) string { // literal is GraphQL, and becomes JSON
		raw, _ := json.Marshal(`{echo(text:` + literal + `)}`)
		return `{"query":` + string(raw) + `}`
	}
	for name, body := range map[string]string{
		"invalid UTF-8":              variable("a\xffb"),
		"overlong UTF-8":             variable("\xc0\x80"),
		"surrogate in UTF-8":         variable("\xed\xa0\x80"),
		"raw NUL":                    variable("a\x00b"),
		"escaped NUL":                variable(`a\u0000b`),
		"lone high":                  variable(`\ud800`),
		"lone high before text":      variable(`\ud800abc`),
		"lone high before escape":    variable(`\ud800\n`),
		"lone low":                   variable(`\udc00`),
		"two highs":                  variable(`\ud800\ud800`),
		"low before high":            variable(`\udc00\ud800`),
		"upper case":                 variable(`\uD83D`),
		"high, escaped backslash":    variable(`\ud83d\\ude00`),
		"in a name":                  `{"query":"{hello}","variables":{"\u0000":1}}`,
		"in operationName":           `{"query":"{hello}","operationName":"\ud800"}`,
		"in an unknown field":        `{"query":"{hello}","x":"\ud800"}`,
		"NUL in the query":           `{"query":"{hello}\u0000"}`,
		"NUL in a literal":           inDocument(`"\u0000"`),
		"braced NUL":                 inDocument(`"\u{0}"`),
		"braced NUL, long":           inDocument(`"\u{00000000}"`),
		"high in a literal":          inDocument(`"\ud800"`),
		"low in a literal":           inDocument(`"\udc00"`),
		"braced surrogate":           inDocument(`"\u{D800}"`),
		"braced pair":                inDocument(`"\u{d83d}\u{de00}"`),
		"after a comment":            inDocument("#\"\n\"\\ud800\""),
		"after a block in a comment": inDocument("#\"\"\"\n\"\\ud800\""),
		"after a block":              inDocument(`"""a \""" "b""" ` + `t2:"\ud800"`),
		"after an escaped quote":     inDocument(`"\"\ud800"`),
		"after an escaped backslash": inDocument(`"\\\ud800"`),
	} {
		t.Run(name, func(t *testing.T) {
			if a := f.post(t, body); a.code() != "BAD_REQUEST" || a.status != 400 {
				t.Errorf("got %d: %s", a.status, a.body)
			}
		})
	}
	for name, c := range map[string]struct{ body, want string }{
		"pair":                     {variable(`\ud83d\ude00`), "😀"},
		"characters":               {variable("😀é"), "😀é"},
		"replacement character":    {variable(`\ufffd`), "\ufffd"},
		"text that looks like one": {variable(`\\ud800 \\u0000`), `\ud800 \u0000`},
		"in a block string":        {inDocument(`"""\ud800 \u0000"""`), `\ud800 \u0000`},
		"pair in a literal":        {inDocument(`"\ud83d\ude00"`), "😀"},
		"braced in a literal":      {inDocument(`"\u{1F600}"`), "😀"},
		"backslash in a literal":   {inDocument(`"\\ud800"`), `\ud800`},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.post(t, c.body)
			var data struct{ Echo string }
			if err := json.Unmarshal(a.Data, &data); err != nil || data.Echo != c.want {
				t.Errorf("got %d: %s", a.status, a.body)
			}
		})
	}
}

func TestHostileJSON(t *testing.T) {
	t.Parallel()
	f := start(t)
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	full := "[" + strings.Repeat("1,", 20_000) + "1]"
	for name, variables := range map[string]string{"deep": deep, "full": full} {
		a := f.post(t, `{"query":"{hello}","variables":{"x":`+variables+`}}`)
		if a.code() != "QUERY_TOO_COMPLEX" || a.status != 400 {
			t.Errorf("%s: got %d: %s", name, a.status, a.body)
		}
	}
	for _, size := range []int{1 << 20, 5 << 20} {
		if a := f.post(t, `{"query":"`+strings.Repeat("{a", size/2)+`"}`); a.status != 413 {
			t.Errorf("%d bytes: got %d", size, a.status)
		}
	}
}

// An integer of 64 bits arrives as it was sent.
func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	f := start(t)
	a := f.post(t, `{"query":"query($i:ID!){item(id:$i){id}}","variables":{"i":9223372036854775807}}`)
	if string(a.Data) != `{"item":{"id":"9223372036854775807"}}` {
		t.Errorf("got %s", a.body)
	}
}
