package site_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"roost/site"
)

// people is a Reader that finds ada and her tweet.
type people struct{}

var ada = site.Profile{Username: "ada", Name: "Ada Whitfield", Bio: "Tea,\nlong walks."}

func (people) Profile(_ context.Context, name string) (site.Profile, bool, error) {
	return ada, strings.EqualFold(name, "ada"), nil
}

func (people) Tweet(_ context.Context, id string) (site.Tweet, bool, error) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	return site.Tweet{ID: id, Text: "Hello,\r\nworld", CreatedAt: at, Author: ada}, id == "T1", nil
}

// ours are the names of what the server adds to the head; the build may have others.
var ours = regexp.MustCompile(`^(canonical|description|(og|twitter|profile|article):.*)$`)

func TestHeads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const general = "Timelines of short messages, live, on Roost."
	for path, want := range map[string]struct {
		title string
		meta  map[string]string
	}{
		"/@ADA": {"Ada Whitfield (@ada)", map[string]string{
			"description": "Tea, long walks.", "canonical": origin + "/@ada", "og:url": origin + "/@ada", "og:type": "profile",
			"profile:username": "ada",
		}},
		"/@ada/followers": {"Ada Whitfield (@ada)", map[string]string{
			"description": "Tea, long walks.", "canonical": origin + "/@ada/followers", "og:url": origin + "/@ada/followers", "og:type": "profile",
			"profile:username": "ada",
		}},
		"/tweets/T1": {`Ada Whitfield: "Hello, world"`, map[string]string{
			"description": "Hello, world", "canonical": origin + "/tweets/T1", "og:url": origin + "/tweets/T1", "og:type": "article",
			"article:published_time": "2026-03-04T04:06:07Z", "article:author": origin + "/@ada",
		}},
		"/hashtags/Caf%C3%A9": {"#Café", map[string]string{
			"description": "Tweets with #Café, the newest first.", "canonical": origin + "/hashtags/Caf%C3%A9",
			"og:url": origin + "/hashtags/Caf%C3%A9", "og:type": "website",
		}},
		"/": {"Roost", map[string]string{
			"description": general, "canonical": origin + "/", "og:url": origin + "/", "og:type": "website",
		}},
		"/search?q=x": {"Search · Roost", map[string]string{
			"description": general, "canonical": origin + "/search", "og:url": origin + "/search", "og:type": "website",
		}},
		"/@nobody": {"Not found · Roost", map[string]string{"description": general, "og:type": "website"}},
	} {
		body := get(s, path).Body.String()
		got := metaOf(body)
		maps.DeleteFunc(got, func(name, _ string) bool { return !ours.MatchString(name) })
		want.meta["og:site_name"], want.meta["og:title"], want.meta["og:description"] = "Roost", want.title, want.meta["description"]
		want.meta["twitter:card"], want.meta["twitter:title"] = "summary", want.title
		want.meta["twitter:description"] = want.meta["description"]
		if title := titleOf(t, body); title != want.title || !maps.Equal(got, want.meta) {
			t.Errorf("%s: %q, %v", path, title, got)
		}
	}
	body := get(newSite(t, func(c *site.Config) { c.PublicURL = nil }), "/@ada").Body.String()
	if got := metaOf(body); got["canonical"] != "" || got["og:url"] != "" || titleOf(t, body) != "Ada Whitfield (@ada)" {
		t.Errorf("without an address: %v", got)
	}
}

// one is a Reader that finds the same for every path.
type one struct {
	profile site.Profile
	tweet   site.Tweet
}

func (o one) Profile(context.Context, string) (site.Profile, bool, error) {
	return o.profile, true, nil
}
func (o one) Tweet(context.Context, string) (site.Tweet, bool, error) { return o.tweet, true, nil }

// Names and texts are only text, whatever is in them.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `</title><script>alert(1)</script>`, `&quot;><b>`, `<!--head-->`,
		`<script type="application/json" id="settings">`, "a\x00b\x1b[31m\u202ec\u2066d\u0085e\u2028f\ufeffg", "\xff\xfe", "\u200b", "",
	} {
		p := site.Profile{Username: text, Name: text, Bio: text}
		s := newSite(t, func(c *site.Config) {
			c.Reader = one{p, site.Tweet{ID: text, Text: text, Author: p}}
		})
		plain := newSite(t)
		for _, path := range []string{"/@ada", "/@ada/replies", "/tweets/T1"} {
			w := get(s, path)
			body := w.Body.String()
			if w.Code != http.StatusOK {
				t.Errorf("%q at %s: %d", text, path, w.Code)
			}
			if got, want := strings.Count(body, "<"), strings.Count(get(plain, path).Body.String(), "<"); got != want {
				t.Errorf("%q at %s adds elements: %d instead of %d in %s", text, path, got, want, body)
			}
			if i := strings.IndexFunc(body, func(r rune) bool {
				return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028'
			}); i >= 0 {
				t.Errorf("%q at %s has control characters: %q", text, path, body[i:])
			}
			settingsOf(t, body)
			metaElements := strings.Count(get(plain, path).Body.String(), " />")
			if got := strings.Count(body, " />"); got < metaElements {
				t.Errorf("%q at %s breaks tags: %s", text, path, body)
			}
		}
		if got := get(s, "/@ada"); strings.ContainsAny(text, "<") && !strings.Contains(titleOf(t, got.Body.String()), strings.Fields(text)[0]) {
			t.Errorf("%q is not in the title: %q", text, titleOf(t, got.Body.String()))
		}
	}
}

// Long texts end after a word, and never within a character.
func TestCut(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("word ", 60)
	for text, want := range map[string]string{
		strings.Repeat("a", 80): strings.Repeat("a", 80),
		word:                    strings.TrimSpace(strings.Repeat("word ", 15)) + " word…",
		"well, " + word:         "well, " + strings.TrimSpace(strings.Repeat("word ", 14)) + "…",
		strings.Repeat("あ", 90): strings.Repeat("あ", 79) + "…",
		strings.Repeat("a", 78) + "👩\u200d👩\u200d👧" + strings.Repeat("a", 9): strings.Repeat("a", 78) + "…",
		strings.Repeat("a", 78) + "e\u0301" + strings.Repeat("a", 9):         strings.Repeat("a", 78) + "…",
		strings.Repeat("a", 77) + " and more":                                strings.Repeat("a", 77) + "…",
		strings.Repeat("a", 76) + ", and more":                               strings.Repeat("a", 76) + "…",
		"a" + strings.Repeat("\u0301", 200):                                  "a" + strings.Repeat("\u0301", 39) + "…",
	} {
		s := newSite(t, func(c *site.Config) { c.Reader = one{tweet: site.Tweet{ID: "T1", Text: text, Author: ada}} })
		if got := titleOf(t, get(s, "/tweets/T1").Body.String()); got != `Ada Whitfield: "`+want+`"` {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// failing is a Reader whose store is away, or that waits until it may not any more.
type failing struct{ waits bool }

func (f failing) Profile(ctx context.Context, _ string) (p site.Profile, ok bool, err error) {
	if f.waits {
		<-ctx.Done()
		return p, false, ctx.Err()
	}
	return p, false, errors.New("dial tcp 10.0.0.1:5432: a secret address")
}

func (f failing) Tweet(ctx context.Context, id string) (t site.Tweet, ok bool, err error) {
	_, ok, err = f.Profile(ctx, id)
	return t, ok, err
}

// A page whose head cannot be read is there all the same.
func TestFailingReads(t *testing.T) {
	t.Parallel()
	done := 0
	for name, change := range map[string]func(*site.Config){
		"without a reader": func(c *site.Config) { c.Reader = nil },
		"with an error":    func(c *site.Config) { c.Reader = failing{} },
		"after a timeout":  func(c *site.Config) { c.Reader, c.ReadTimeout = failing{waits: true}, time.Millisecond },
		"not admitted": func(c *site.Config) {
			c.Admit = func(context.Context, *http.Request) (func(), bool) { return nil, false }
		},
		"admitted": func(c *site.Config) {
			c.Reader = failing{}
			c.Admit = func(context.Context, *http.Request) (func(), bool) { return func() { done++ }, true }
		},
	} {
		s := newSite(t, change, func(c *site.Config) { c.Log = slog.New(slog.DiscardHandler) })
		for _, path := range []string{"/@ada", "/tweets/T1"} {
			w := get(s, path)
			body := w.Body.String()
			if w.Code != 200 || titleOf(t, body) != "Roost" || strings.Contains(body, "secret") ||
				metaOf(body)["canonical"] != "" {
				t.Errorf("%s, %s: %d %s", path, name, w.Code, body)
			}
		}
	}
	if done != 2 {
		t.Errorf("%d of 2 admitted reads are done", done)
	}
}

func TestLooked(t *testing.T) {
	t.Parallel()
	looks := 0
	s := newSite(t, func(c *site.Config) { c.Looked = func() { looks++ } })
	for _, path := range []string{"/", "/@ada", "/other"} {
		get(s, path)
	}
	if looks != 3 {
		t.Errorf("%d looks", looks)
	}
	if get(s, "/robots.txt"); looks != 3 {
		t.Error("a file counts as a look")
	}
}
