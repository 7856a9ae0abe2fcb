package transport

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// The scanner accepts what checkJSON and decodeParams accept together, reads the same from it, and refuses the rest with their
// errors.
func checkScanner(t *testing.T, raw []byte) {
	t.Helper()
	before := string(raw)
	var want *graphql.RawParams
	wantErr := checkJSON(raw)
	if wantErr == nil {
		want, wantErr = decodeParams(raw)
	}
	got, gotErr := readRequest(raw)
	if !reflect.DeepEqual(gotErr, wantErr) {
		t.Fatalf("%q: error %v, want %v", raw, gotErr, wantErr)
	}
	if string(raw) != before {
		t.Fatalf("%q was changed to %q", before, raw)
	}
	if want != nil && string(got.Text) != want.Query {
		t.Fatalf("%q: text %q, want %q", raw, got.Text, want.Query)
	}
	if wantErr != nil {
		return
	}
	if p := got.Params(); !reflect.DeepEqual(p, want) {
		t.Fatalf("%q:\n got %#v\nwant %#v", raw, p, want)
	}
	checkHash(t, &got, want)
}

// checkHash holds a hash that the scanner found to what Persisted reads.
func checkHash(t *testing.T, got *Request, want *graphql.RawParams) {
	t.Helper()
	if id, named := documentIDOf(want); named || got.ID != nil {
		hash, ok := strings.CutPrefix(id, SHA256Prefix)
		if string(got.ID) != id || ok != got.IsHash || ok && hash != fmt.Sprintf("%x", got.Hash) {
			t.Errorf("ID %q, hash %x, want %q", got.ID, got.Hash, id)
		}
		return
	}
	if !got.IsHash {
		return
	}
	hash, err := persistedHash(want.Extensions["persistedQuery"])
	if err != nil || want.Query != "" || hash != fmt.Sprintf("%x", got.Hash) {
		t.Errorf("hash %x, want %q, %v", got.Hash, hash, err)
	}
	if !reflect.DeepEqual(want.Extensions, persistedExtensions(got.Hash)) {
		t.Errorf("extensions are %v", want.Extensions)
	}
}

const testHash = `ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38`

var testBodies = []string{
	``, ` `, `null`, `{}`, `[]`, `5`, `"query"`, `{"query":"{hello}"}`, ` { "query" : "{hello}" } `, "\ufeff{}",
	`{"query":"{hello}"}x`, `{"query":"{hello}"`, `{"query":"{hello}",}`, `{"query":"{hello}""a":1}`, `{query:1}`, `{"query" "a"}`,
	`{"query":5}`, `{"query":5,"query":"{a}"}`, `{"query":"{a}","query":5}`, `{"query":"{a}","query":null}`, `{"qu\u0065ry":"{a}"}`,
	`{"query":"{a}","operationName":"A","variables":{"a":1,"b":[1,2.5e3,-0,"x",null,true,false,{}],"a":"last"}}`,
	`{"query":"{a}","variables":[]}`, `{"query":"{a}","variables":5,"variables":{}}`, `{"query":"{a}","variables":null}`,
	`{"query":"{a}","operationName":5}`, `{"query":"{a}","operationName":nulls}`, `{"query":"{a}","extensions":[]}`,
	`{"query":"{a}","extensions":{}}`, `{"query":"{a}","extensions":"x"}`, `{"query":"","extensions":{"persistedQuery":null}}`,
	`{"query":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀"}`, `{"query":"\ud83d"}`, `{"query":"\ude00"}`, `{"query":"\ud83d\ud83d"}`,
	`{"query":"\u0000"}`, "{\"query\":\"\x00\"}", "{\"query\":\"\n\"}", "{\"query\":\"\x7f\"}", "{\"query\":\"\xff\"}", `{"query":"\x"}`,
	`{"query":"\u12"}`, `{"query":"\u12_4"}`, `{"query":"\`, `{"query":"{a(b:\"\\u0000\")}"}`, `{"query":"{a(b:\"\\ud800\")}"}`,
	`{"query":"{a(b:\"\\u0041\")}"}`, `{"query":"{a}","x":01}`, `{"query":"{a}","x":-}`, `{"query":"{a}","x":1.}`, `{"query":"{a}","x":1e}`,
	`{"query":"{a}","x":1e+5}`, `{"query":"{a}","x":tru}`, `{"query":"{a}","x":truex}`, `{"query":"{a}","x":[1,]}`, `{"query":"{a}","x":[,]}`,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + testHash + `"}}}`,
	` {"query":"","extensions": { "persistedQuery" : { "sha256Hash" : "` + testHash + `" , "version" : 1 } } } `,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.ToUpper(testHash) + `"}}}`,
	`{"extensions":{"persistedQuery":{"version":10,"sha256Hash":"` + testHash + `"}}}`,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + testHash + `"},"more":1}}`,
	`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"ab"}}}`, `{"extensions":{"persistedQuery":{}}}`,
	`{"documentId":"sha256:` + testHash + `"}`, `{"documentId":"sha256:` + testHash + `","extensions":{"a":1},"variables":{"a":1}}`,
	`{"documentId":"x-a:\u0062","query":""}`, `{"documentId":"","query":null}`, `{"documentId":null,"query":"{a}"}`, `{"documentId":5}`,
	`{"documentId":5,"documentId":"a"}`, `{"documentId":"a","query":"{a}"}`, `{"documentId":"a","extensions":{"persistedQuery":{}}}`,
	`{"documentId":"SHA256:` + testHash + `"}`, `{"documentId":"sha256:ab"}`, `{"documentId":"a\u0000"}`, "{\"documentId\":\"\xff\"}",
	`{"documentId":"a","documentId":null}`, `{"documentId":"é","operationName":5}`,
	`{"query":"{a}","x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
	`{"query":"{a}","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
	`{"query":"{a}","variables":{"x":` + strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30) + `}}`,
	`{"query":"{a}","variables":{"x":` + strings.Repeat(`{"a":`, 31) + "1" + strings.Repeat("}", 31) + `}}`,
	`{"query":"{a}","x":[` + strings.Repeat("1,", maxJSONValues-3) + `1]}`,
	`{"query":"{a}","x":[` + strings.Repeat("1,", maxJSONValues-2) + `1]}`,
}

func TestScannerOnBodies(t *testing.T) {
	t.Parallel()
	for _, b := range testBodies {
		checkScanner(t, []byte(b))
	}
	only := []byte(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + testHash + `"}}}`)
	if r, err := readRequest(only); err != nil || !r.IsHash {
		t.Errorf("the hash of %s is not found: %v", only, err)
	}
}

func FuzzScanner(f *testing.F) {
	for _, b := range testBodies {
		f.Add([]byte(b))
	}
	f.Fuzz(checkScanner)
}

// Random bodies are mostly valid, with a fault here and there.
func TestScannerOnRandomBodies(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	accepted := 0
	const tries = 20_000
	for range tries {
		b := []byte(randomBody(r))
		if r.IntN(3) == 0 && len(b) > 0 {
			b[r.IntN(len(b))] = `{}[]",:\u0n1e-. `[r.IntN(16)]
		}
		checkScanner(t, b)
		if _, err := readRequest(b); err == nil {
			accepted++
		}
	}
	if accepted < tries/4 {
		t.Errorf("only %d of %d bodies were valid", accepted, tries)
	}
}

func randomBody(r *rand.Rand) string {
	entries := []string{`"query":` + randomText(r)}
	for range r.IntN(5) {
		name := []string{"query", "operationName", "variables", "extensions", "other", `v\u0061riables`, "documentId"}[r.IntN(7)]
		value := randomValue(r, 4)
		switch {
		case r.IntN(4) == 0:
		case name == "query" || name == "operationName" || name == "documentId" && r.IntN(2) == 0:
			value = randomText(r)
		case name == "documentId":
			value = []string{`""`, `"a"`, `"x-a:b"`, `"sha256:` + testHash + `"`, "null"}[r.IntN(5)]
		case name != "other":
			value = randomObject(r, 4)
		}
		entries = append(entries, fmt.Sprintf(`"%s"%s:%s`, name, randomSpace(r), value))
	}
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	return randomSpace(r) + "{" + strings.Join(entries, ","+randomSpace(r)) + "}" + randomSpace(r)
}

func randomSpace(r *rand.Rand) string {
	return strings.Repeat([]string{" ", "\n", "\t"}[r.IntN(3)], max(0, r.IntN(4)-2))
}

func randomText(r *rand.Rand) string {
	parts := []string{"a", "é", "😀", `\n`, `\"`, `\\`, `\/`, `\u0041`, `\ud83d\ude00`, "{hello}", "#", `\\u0041`, " "}
	if r.IntN(30) == 0 {
		parts = append(parts, `\ud83d`, `\u0000`, "\xff", "\x01", `\\u0000`)
	}
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return `"` + b.String() + `"`
}

func randomObject(r *rand.Rand, depth int) string {
	var entries []string
	for range r.IntN(4) {
		entries = append(entries, randomText(r)+":"+randomSpace(r)+randomValue(r, depth-1))
	}
	return "{" + strings.Join(entries, ",") + "}"
}

func randomValue(r *rand.Rand, depth int) string {
	switch n := r.IntN(8); {
	case n < 2 && depth > 0:
		return randomObject(r, depth)
	case n == 2 && depth > 0:
		return "[" + randomValue(r, depth-1) + "," + randomSpace(r) + randomValue(r, depth-1) + "]"
	case n == 3:
		return randomText(r)
	case n == 4:
		raw, _ := json.Marshal([]any{r.Int64(), -r.Float64(), r.NormFloat64() * 1e30, 0}[r.IntN(4)])
		return string(raw)
	}
	return []string{"null", "true", "false", "[]", "{}", "-0", "1e5"}[r.IntN(7)]
}
