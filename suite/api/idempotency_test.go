package api

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/app"
	"roost/domain/tweets"
	"roost/internal/clock"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

const (
	postKeyed = `mutation($key: String!, $text: String!) {
		createTweet(input: {text: $text}) @idempotent(key: $key) { tweet { id text } userErrors { code path } } }`
	postPlain = `mutation($text: String!) { createTweet(input: {text: $text}) { tweet { id text } userErrors { code path } } }`
)

// headers adds headers to requests.
type headers http.Header

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	for name, values := range h {
		r.Header[name] = values
	}
	return http.DefaultTransport.RoundTrip(r)
}

// withKeys returns a client that sends headers with idempotency keys.
func withKeys(c *apitest.Client, keys ...string) *apitest.Client {
	return &apitest.Client{URL: c.URL, Key: c.Key, HTTP: &http.Client{Transport: headers{"Idempotency-Key": keys}}}
}

// outcome is the id of the tweet, or the code of a refusal or an error.
func outcome(res *apitest.Response) string {
	switch {
	case len(res.Errors) > 0:
		return res.Errors[0].Code()
	case res.String("createTweet.userErrors.0.code") != "":
		return res.String("createTweet.userErrors.0.code")
	}
	return res.String("createTweet.tweet.id")
}

// code matches the code of a refusal or an error, or no outcome.
var code = regexp.MustCompile("^[A-Z_]*$")

func TestIdempotentCreateTweet(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		keyed := func(u *apitest.User, key, text string) string {
			return outcome(u.Run(t, postKeyed, apitest.Vars{"key": key, "text": text}))
		}
		first := keyed(ada, "k1", "hello")
		if again := keyed(ada, "k1", "hello"); again != first || code.MatchString(first) {
			t.Errorf("the same key answers %q and %q", first, again)
		}
		if got := keyed(ada, "k1", "hello!"); got != "IDEMPOTENCY_KEY_REUSED" {
			t.Errorf("other arguments answer %q", got)
		}
		if other := keyed(bob, "k1", "hello"); other == first || code.MatchString(other) {
			t.Errorf("the key of another user answers %q, the first %q", other, first)
		}
		// The header and a literal are the same as a variable, and another selection gets the same tweet.
		if again := outcome(withKeys(ada.Client, "k1").Run(t, postPlain, apitest.Vars{"text": "hello"})); again != first {
			t.Errorf("the header answers %q, want %q", again, first)
		}
		both := withKeys(ada.Client, "k1").Must(t, `mutation { __typename a: createTweet(input: {text: "hello"}) @idempotent(key: "k1") {
			tweet { createdAt author { username tweetCount } reactions { likeCount } } timelineEdge { node { id } } userErrors { code } } }`, nil)
		if both.String("a.timelineEdge.node.id") != first || both.String("a.tweet.author.username") != ada.Name ||
			both.Int("a.tweet.author.tweetCount") != 1 {
			t.Errorf("another selection answers %s", both.Body)
		}
		// Reactions since then are shown: what is repeated is the tweet, not the answer.
		bob.React(t, first, "LIKE")
		liked := ada.Must(t, `mutation { createTweet(input: {text: "hello"}) @idempotent(key: "k1") { tweet { reactions { likeCount } } } }`, nil)
		if liked.Int("createTweet.tweet.reactions.likeCount") != 1 {
			t.Errorf("after a like a repeat answers %s", liked.Body)
		}
		// Several fields have keys of their own; the same key in one request is a repeat.
		three := ada.Must(t, `mutation { a: createTweet(input: {text: "x"}) @idempotent(key: "k2") { tweet { id } }
			b: createTweet(input: {text: "x"}) @idempotent(key: "k3") { tweet { id } }
			c: createTweet(input: {text: "x"}) @idempotent(key: "k2") { tweet { id } } }`, nil)
		if a, b := three.String("a.tweet.id"), three.String("b.tweet.id"); a == b || a != three.String("c.tweet.id") || a == "" {
			t.Errorf("three fields with two keys answer %s", three.Body)
		}
		// A field that GraphQL merges with one that has a key has this key.
		merged := ada.Must(t, `mutation { createTweet(input: {text: "x"}) { tweet { id } }
			...F } fragment F on Mutation { createTweet(input: {text: "x"}) @idempotent(key: "k2") { tweet { text } } }`, nil)
		if merged.String("createTweet.tweet.id") != three.String("a.tweet.id") {
			t.Errorf("merged fields answer %s", merged.Body)
		}
		// A refused text does not use the key up.
		if got := keyed(ada, "k4", " "); got != "REQUIRED" {
			t.Errorf("a blank text answers %q", got)
		}
		if id := keyed(ada, "k4", "not blank"); code.MatchString(id) {
			t.Errorf("after a refusal the key answers %q", id)
		}
		// The repeat of a tweet that was deleted meanwhile succeeds, posts nothing and has no tweet to show.
		ada.Delete(t, first)
		gone := ada.Must(t, postKeyed, apitest.Vars{"key": "k1", "text": "hello"})
		if gone.Get("createTweet.tweet") != nil || len(gone.Get("createTweet.userErrors").([]any)) != 0 {
			t.Errorf("after the deletion a repeat answers %s", gone.Body)
		}
		if n := apitest.Int(t, r.DB(t), "SELECT count(*) FROM tweets"); n != 5 {
			t.Errorf("there are %d tweets, want 5", n)
		}
		if res := r.Anonymous().Run(t, postKeyed, apitest.Vars{"key": "k1", "text": "hello"}); outcome(res) != "UNAUTHENTICATED" {
			t.Errorf("without a session: %s", res.Body)
		}
		rig.CheckRows(t, r.DB(t))
	})
}

// Where a key has no meaning, the request is refused before anything runs.
func TestIdempotencyKeysElsewhere(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		long := strings.Repeat("x", tweets.MaxKeyLength+1)
		refused := func(c *apitest.Client, query string, vars apitest.Vars) {
			t.Helper()
			res := c.Run(t, query, vars)
			if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" || res.Data != nil && string(res.Data) != "null" {
				t.Errorf("%s answers %s", query, res.Body)
			}
		}
		const post = `createTweet(input: {text: "no"}) `
		for _, query := range []string{
			`{ viewer @idempotent(key: "k") { email } }`,
			`query($n: Int!) { viewer { homeTimeline(first: $n) { nodes { id @idempotent(key: "k") } } } }`,
			`mutation { ` + post + `{ tweet { id @idempotent(key: "k") } } }`,
			`mutation { ` + post + `{ tweet { id } } updateProfile(input: {name: "no"}) @idempotent(key: "k") { user { id } } }`,
			`mutation { ` + post + `{ tweet { ...F } } } fragment F on Tweet { text @idempotent(key: "k") }`,
			`mutation { ` + post + `@idempotent(key: "") { tweet { id } } }`,
			`mutation { ` + post + `@idempotent(key: "` + long + `") { tweet { id } } }`,
			`mutation { ` + post + `@idempotent(key: "a\nb") { tweet { id } } }`,
			`mutation { ` + post + `@idempotent { tweet { id } } }`,
			`mutation { ` + post + `@idempotent(key: null) { tweet { id } } }`,
			`mutation { ` + post + `@idempotent(key: "k") @idempotent(key: "k") { tweet { id } } }`,
			`mutation { ` + post + `@idempotent(key: "k") { tweet { id } } ` + post + `@idempotent(key: "l") { tweet { text } } }`,
			`mutation @idempotent(key: "k") { ` + post + `{ tweet { id } } }`,
			`mutation { a: ` + post + `{ tweet { id } } b: ` + post + `@idempotent(key: "") { tweet { id } } }`,
		} {
			for range 3 { // a document that is known is refused as well
				refused(ada.Client, query, apitest.Vars{"n": 5})
			}
		}
		for _, key := range []string{"", long, "a\nb"} {
			refused(ada.Client, postKeyed, apitest.Vars{"key": key, "text": "no"})
		}
		header := withKeys(ada.Client, "k")
		for _, query := range []string{
			`{ viewer { email } }`,
			`mutation { updateProfile(input: {name: "no"}) { user { id } } }`,
			`mutation { a: ` + post + `{ tweet { id } } b: ` + post + `{ tweet { id } } }`,
			`mutation { ` + post + `{ tweet { id } } ...F } fragment F on Mutation { updateProfile(input: {name: "no"}) { user { id } } }`,
			`mutation { ` + post + `@idempotent(key: "other") { tweet { id } } }`,
			`mutation { ` + post + `@skip(if: true) { tweet { id } } }`,
			`subscription { sessionEnded { reason } }`,
		} {
			ada.Run(t, query, nil) // so that the document is known
			refused(header, query, nil)
		}
		for _, keys := range [][]string{{""}, {long}, {"k", "k"}, {"k", "l"}} {
			refused(withKeys(ada.Client, keys...), postPlain, apitest.Vars{"text": "no"})
		}
		res, err := withKeys(ada.Client, "k").HTTP.Get(r.URL + "/graphql?query={viewer{email}}")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || !strings.Contains(string(body), `"BAD_REQUEST"`) || strings.Contains(string(body), `"data"`) {
			t.Errorf("a GET with the header answers %s, %v", body, err)
		}
		_ = res.Body.Close()
		if n := apitest.Int(t, r.DB(t), "SELECT count(*) FROM tweets WHERE text <> 'no'"); n != 0 {
			t.Errorf("%d tweets were posted", n)
		}
		if n := apitest.Int(t, r.DB(t), "SELECT count(*) FROM idempotency_keys WHERE key <> 'other'"); n != 0 {
			t.Errorf("%d keys of refused requests are stored", n)
		}
	})
}

// A subscription over a socket takes no key, neither in the document nor in the handshake.
func TestIdempotencyKeysOverSockets(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		s := ada.Dial(t)
		run := func(query string, vars apitest.Vars) *apitest.Response { return s.Subscribe(t, query, vars).Next(t) }
		first := run(postKeyed, apitest.Vars{"key": "k", "text": "hello"})
		if again := run(postKeyed, apitest.Vars{"key": "k", "text": "hello"}); outcome(again) != outcome(first) || len(first.Errors) > 0 {
			t.Errorf("over a socket the same key answers %s and %s", first.Body, again.Body)
		}
		if res := run(`subscription { sessionEnded @idempotent(key: "k") { reason } }`, nil); outcome(res) != "BAD_REQUEST" {
			t.Errorf("a subscription with a key answers %s", res.Body)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/graphql", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Idempotency-Key": {"k"}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("a handshake with the header answers %s", res.Status)
		}
	})
}

// After 24 hours a key is new.
func TestIdempotencyKeysExpire(t *testing.T) {
	t.Parallel()
	for _, m := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			now := clock.NewFake(time.Now())
			r := apitest.New(t, m, func(c *app.Config) { c.Clock = now })
			ada := r.SignUp(t, "ada")
			post := func() string { return outcome(ada.Run(t, postKeyed, apitest.Vars{"key": "k", "text": "daily"})) }
			first := post()
			now.Add(24*time.Hour - time.Second)
			if again := post(); again != first {
				t.Errorf("within 24 hours the key answers %q, then %q", first, again)
			}
			now.Add(2 * time.Second)
			if next := post(); next == first || code.MatchString(next) {
				t.Errorf("after 24 hours the key answers %q, before %q", next, first)
			}
		})
	}
}
