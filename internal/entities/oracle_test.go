package entities_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"roost/internal/entities"
	"roost/testkit/dataset"
	"roost/testkit/npmtest"
)

// compared is how many texts are compared, and excused the largest share of them that may show a difference on purpose.
const (
	compared = 10_000
	excused  = 0.06
	seed     = 15
)

// oracle is what twitter-text makes of texts.
type oracle struct {
	letters, inTags *unicode.RangeTable
	found           [][]oracleEntity
}

type oracleEntity struct {
	kind       string
	start, end int
	text       string
}

func (e *oracleEntity) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.kind, &e.start, &e.end, &e.text})
}

// differences are the points in which Roost differs from twitter-text on purpose. One that applies to a text excuses it.
var differences = []struct {
	why     string
	applies func(text string, o *oracle, got, want []oracleEntity) bool
}{
	{"letters are those of Unicode as Go has it, not of version 7, and no characters for private use",
		func(text string, o *oracle, _, _ []oracleEntity) bool {
			return strings.ContainsFunc(text, func(r rune) bool { return isLetter(r) != unicode.Is(o.letters, r) || isNewDigit(r, o) })
		}},
	{"usernames have 30 characters, not 20, and the beginning of a longer run names nobody", matches(`[@＠][A-Za-z0-9_]{21}`)},
	{"there are no lists, so @name/list is a mention of @name", matches(`[@＠][A-Za-z0-9_]+/[A-Za-z]`)},
	{"t.co is a host like others, so its links are not cut", matches(`(?i)https?://t\.co/`)},
	{"a path belongs to the host right before it only, so that offsets show the link",
		func(text string, _ *oracle, _, want []oracleEntity) bool {
			units := utf16.Encode([]rune(text))
			return slices.ContainsFunc(want, func(e oracleEntity) bool {
				return e.kind == "link" && e.text != string(utf16.Decode(units[e.start:e.end]))
			})
		}},
	{"a host is where it is, though the same letters are in the host before it, where they are none",
		func(_ string, _ *oracle, got, want []oracleEntity) bool {
			return slices.EqualFunc(got, want, func(a, b oracleEntity) bool {
				return a.kind == b.kind && a.text == b.text && (a.start == b.start || a.kind == "link" && a.start > b.start)
			})
		}},
}

func matches(expression string) func(string, *oracle, []oracleEntity, []oracleEntity) bool {
	pattern := regexp.MustCompile(expression)
	return func(text string, _ *oracle, _, _ []oracleEntity) bool { return pattern.MatchString(text) }
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

func isNewDigit(r rune, o *oracle) bool { return unicode.IsDigit(r) && !unicode.Is(o.inTags, r) }

// isAssigned reports whether Go's version of Unicode has the character, and not for private use.
func isAssigned(r rune) bool {
	return !unicode.Is(unicode.Co, r) && unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z)
}

// The npm package finds the same entities in the texts of the data set and in made-up ones, apart from listed differences.
func TestFindIsTwitterText(t *testing.T) {
	t.Parallel()
	texts := append(handWritten, ofDataset(t, compared/4)...)
	g := generator{rand.New(rand.NewPCG(seed, seed))}
	for len(texts) < compared {
		texts = append(texts, g.text())
	}
	o := askTwitterText(t, texts)
	for r := range unicode.MaxRune {
		if unicode.Is(o.letters, r) && !isLetter(r) && isAssigned(r) {
			t.Errorf("%U is a letter for twitter-text, and Go has it as something else", r)
		}
	}
	counts, differing, failures := map[string]int{}, map[string]int{}, 0
	for i, text := range texts {
		got, want := inUnits(entities.Find(text)), o.found[i]
		for _, e := range want {
			counts[e.kind]++
		}
		if slices.Equal(got, want) {
			continue
		}
		why := ""
		for _, d := range differences {
			if d.applies(text, o, got, want) {
				why = d.why
				break
			}
		}
		if why != "" {
			differing[why]++
			continue
		}
		if failures++; failures <= 20 {
			t.Errorf("%+q:\nRoost finds %v,\ntwitter-text %v", text, got, want)
		}
	}
	t.Logf("%d texts; twitter-text finds %v", len(texts), counts)
	sum := failures
	for _, d := range differences {
		t.Logf("%4d texts differ: %s", differing[d.why], d.why)
		if sum += differing[d.why]; differing[d.why] == 0 {
			t.Errorf("no text shows this difference: %s", d.why)
		}
	}
	if share := float64(sum) / float64(len(texts)); share > excused {
		t.Errorf("%.1f %% of the texts differ, want at most %.0f %%", share*100, excused*100)
	}
	for _, kind := range []string{"link", "mention", "hashtag"} {
		if counts[kind] < compared/10 {
			t.Errorf("only %d entities of kind %s: the texts are too tame", counts[kind], kind)
		}
	}
}

// inUnits returns entities as the oracle has them.
func inUnits(found []entities.Entity) (list []oracleEntity) {
	for _, e := range found {
		text := e.Name
		if e.Kind == entities.Link {
			text = e.URL
			if len(text)-len("https://") == e.EndByte-e.StartByte {
				text = text[len("https://"):]
			}
		}
		list = append(list, oracleEntity{e.Kind.String(), e.Start, e.End, text})
	}
	return list
}

// The list of top-level domains is what the script writes.
func TestTopLevelDomainsAreTheScripts(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "node", "tlds.js")
	cmd.Dir = installTwitterText(t)
	want, err := cmd.Output()
	if err != nil {
		t.Fatalf("tlds.js: %v", err)
	}
	got, err := os.ReadFile("tlds.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tlds.go is not what web/twitter-text/tlds.js writes; its head says how to run it")
	}
}

func installTwitterText(t *testing.T) string {
	t.Helper()
	return npmtest.Install(t, filepath.Join("..", "..", "web", "twitter-text"), "find.js", "tlds.js")
}

func askTwitterText(t *testing.T, texts []string) *oracle {
	t.Helper()
	var in, stderr bytes.Buffer
	lines := json.NewEncoder(&in)
	for _, text := range texts {
		if err := lines.Encode(text); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "find.js")
	cmd.Dir, cmd.Stdin, cmd.Stderr = installTwitterText(t), &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("find.js: %v\n%s", err, stderr.Bytes())
	}
	answers := json.NewDecoder(bufio.NewReader(bytes.NewReader(out)))
	var sets struct{ Letters, InTags []rune }
	if err := answers.Decode(&sets); err != nil {
		t.Fatal(err)
	}
	o := &oracle{letters: tableOf(sets.Letters), inTags: tableOf(sets.InTags), found: make([][]oracleEntity, len(texts))}
	for i := range texts {
		if err := answers.Decode(&o.found[i]); err != nil {
			t.Fatalf("the answer about text %d: %v", i, err)
		}
	}
	return o
}

func tableOf(pairs []rune) *unicode.RangeTable {
	table := &unicode.RangeTable{}
	for i := 0; i < len(pairs); i += 2 {
		table.R32 = append(table.R32, unicode.Range32{Lo: uint32(pairs[i]), Hi: uint32(pairs[i+1]), Stride: 1})
	}
	return table
}

// ofDataset returns the texts of some tweets of the data set.
func ofDataset(t *testing.T, n int) (texts []string) {
	t.Helper()
	in, err := dataset.Open(dataset.Dir(t), "tweets.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	for tweets := json.NewDecoder(in); len(texts) < n; {
		var tweet struct{ Text string }
		if err := tweets.Decode(&tweet); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, tweet.Text)
	}
	return texts
}
