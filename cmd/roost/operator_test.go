package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// operates runs a command of an operator on the stores of a node. An embedded node stops meanwhile; the node that runs afterwards is
// returned.
func operates(t *testing.T, r *apitest.Roost, words ...string) (after *apitest.Roost, out string, err error) {
	t.Helper()
	where := []string{"--database-url", r.Config.DatabaseURL, "--redis-url", r.Config.RedisURL}
	if r.Mode == apitest.Embedded {
		r.Stop()
		where = []string{"--data-dir", r.Config.DataDir}
	}
	var said bytes.Buffer
	err = run(context.Background(), append(words, where...), &said)
	if r.Mode == apitest.Embedded {
		r = apitest.Start(t, r.Config)
	}
	return r, said.String(), err
}

// signsIn reports with which code a sign-in is refused; it is empty for one that succeeds.
func signsIn(t *testing.T, r *apitest.Roost, login, password string) (code string) {
	t.Helper()
	res := r.Anonymous().Must(t, `mutation($i: LogInInput!) { logIn(input: $i) { session { id } userErrors { code } } }`,
		apitest.Vars{"i": apitest.Vars{"login": login, "password": password, "tokenDelivery": "TOKEN"}})
	if codes := res.Strings("logIn.userErrors", "code"); len(codes) > 0 {
		return codes[0]
	}
	return ""
}

// expectClean fails the test unless the cache, home timelines and counts equal the database.
func expectClean(t *testing.T, r *apitest.Roost) {
	t.Helper()
	for name, audit := range map[string]func() (string, error){
		"cache":     func() (string, error) { return audits(r) },
		"timelines": func() (string, error) { return auditsTimelines(r, true) },
		"counts":    func() (string, error) { return auditsCounts(r, true) },
	} {
		if out, err := audit(); err != nil {
			t.Errorf("audit %s: %v\n%s", name, err, out)
		}
	}
}

// A reset ends the user's sessions on the running node, with its sockets, and only the printed password signs in afterwards.
func TestResetPasswordCommand(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		socket := ada.Dial(t)
		rig.WatchHome(t, ada, socket)
		r, out, err := operates(t, r, "users", "reset-password", "@"+strings.ToUpper(ada.Name))
		if err != nil {
			t.Fatal(err)
		}
		said := regexp.MustCompile(`^the new password of (\w+), which is not shown again: ([A-Z2-7]{26})\n1 sessions of (\w+) have ended\n$`).
			FindStringSubmatch(out)
		if said == nil || said[1] != ada.Name || said[3] != ada.Name {
			t.Fatalf("the command prints %q", out)
		}
		code := socket.Closed(t)
		if r.Mode == apitest.Server && code != 4403 {
			t.Errorf("the socket is closed with %d", code)
		}
		const who = `{ viewer { user { id } } }`
		if res, err := r.As(ada.Key).Do(t.Context(), who, nil); err != nil || len(res.Errors) != 1 || res.Errors[0].Code() != "UNAUTHENTICATED" {
			t.Errorf("the session of before: %v, %+v", err, res)
		}
		if res := r.As(bob.Key).Must(t, who, nil); res.String("viewer.user.id") != bob.ID {
			t.Errorf("another user: %s", res.Data)
		}
		if code := signsIn(t, r, ada.Name, ada.Password); code != "INVALID_CREDENTIALS" {
			t.Errorf("the password of before is answered with %q", code)
		}
		ada.Password = said[2]
		back := r.LogIn(t, ada)
		res := back.Must(t, `{ viewer { sessions(includeEnded: true) { endReason isCurrent } } }`, nil)
		if ends := fmt.Sprint(res.Get("viewer.sessions")); strings.Count(ends, "PASSWORD_CHANGED") != 1 || strings.Count(ends, "endReason") != 2 {
			t.Errorf("the sessions are %s", ends)
		}
		expectClean(t, r)
	})
}

// A tweet that an operator deletes goes as one that its author deletes: from pages, by its id, from counts, and with a push to followers.
// Its number in the database names it as well, and a second time changes nothing.
func TestDeleteTweetCommand(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		bob.Follow(t, ada.ID)
		kept, bad, worse := ada.Tweet(t, "kept"), ada.Tweet(t, "bad"), ada.Tweet(t, "worse")
		bob.Retweet(t, bad)
		home := func() string {
			t.Helper()
			all := r.As(bob.Key).Must(t, homePage, nil).Strings("viewer.homeTimeline.nodes", "text")
			return fmt.Sprint(slices.DeleteFunc(all, func(text string) bool { return text == "are you there?" })) // of WatchHome
		}
		if got := home(); got != "[worse bad kept]" {
			t.Fatalf("before, the timeline is %s", got)
		}
		watch := rig.WatchHome(t, bob, bob.Dial(t))
		number := fmt.Sprint(rig.TweetID(t, worse))
		for _, step := range []struct{ id, global, want, home string }{
			{bad, bad, "is deleted", "[worse kept]"}, {number, worse, "is deleted", "[kept]"}, {worse, worse, "was deleted before", "[kept]"},
		} {
			var out string
			var err error
			if r, out, err = operates(t, r, "tweets", "delete", step.id); err != nil || out != "the tweet "+step.global+" "+step.want+"\n" {
				t.Errorf("delete %s: %v, %q", step.id, err, out)
			}
			if got := home(); got != step.home {
				t.Errorf("after %q the timeline is %s", out, got)
			}
			if r.Mode == apitest.Server && step.want == "is deleted" {
				rig.ExpectHome(t, watch, "-"+step.global)
			}
		}
		res := r.Anonymous().Must(t, `query($n: String!, $kept: ID!, $bad: ID!) { user(username: $n) { tweetCount timeline { nodes { text } } }
			kept: node(id: $kept) { id } bad: node(id: $bad) { id } }`, apitest.Vars{"n": ada.Name, "kept": kept, "bad": bad})
		own := res.Strings("user.timeline.nodes", "text")
		if res.Int("user.tweetCount") != 1 || fmt.Sprint(own) != "[kept]" || res.Get("bad") != nil || res.String("kept.id") != kept {
			t.Errorf("afterwards: %s", res.Data)
		}
		expectClean(t, r)
	})
}

const homePage = `{ viewer { homeTimeline { nodes { text } } } }`

// What nobody can mean is refused: with code 2 and one line if the command line is wrong, otherwise with an error, and nothing changes.
func TestRefusedOperations(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	ada := r.SignUp(t, "ada")
	tweet := ada.Tweet(t, "mine")
	dir := "--data-dir=" + r.Config.DataDir
	for _, bad := range [][]string{{"users"}, {"users", "reset-password"}, {"users", "reset-password", "a", "b"}, {"users", "promote", "ada"},
		{"tweets"}, {"tweets", "delete"}, {"tweets", "delete", "0"}, {"tweets", "delete", ada.ID}, {"tweets", "undelete", tweet},
		{"tweets", "delete", tweet, "--redis-url=redis://127.0.0.1:1/0"}, {"users", "reset-password", "ada", "--database-url=postgres://x/y"}} {
		var out bytes.Buffer
		if err := run(t.Context(), append(bad, dir), &out); err != errUsage || out.Len() > 0 {
			t.Errorf("%v: %v, %q", bad, err, out.String())
		}
	}
	refused := func(want string, words ...string) {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), words, &out); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v: %v, %q", words, err, out.String())
		}
	}
	refused("is in use by pid", "users", "reset-password", ada.Name, dir)
	refused("is in use by pid", "tweets", "delete", tweet, dir)
	r.Stop()
	refused(`there is no user "nobody"`, "users", "reset-password", "nobody", dir)
	refused("there is no such tweet", "tweets", "delete", "1", dir)
	refused("there is no embedded database in", "tweets", "delete", tweet, "--data-dir="+t.TempDir())
	back := apitest.Start(t, r.Config)
	if res := back.As(ada.Key).Must(t, homePage, nil); fmt.Sprint(res.Strings("viewer.homeTimeline.nodes", "text")) != "[mine]" {
		t.Errorf("afterwards: %s", res.Data)
	}
}

// If Redis does not answer, the command does its work nevertheless, and the nodes learn of it through the log. When a suspension is
// acknowledged, they have.
func TestOperatorWithoutRedis(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	ada := r.SignUp(t, "ada")
	tweet := ada.Tweet(t, "mine")
	ada.Home(t, 10)
	c := *r
	c.Config.RedisURL = "redis://127.0.0.1:1/0"
	if _, _, err := operates(t, &c, "tweets", "delete", tweet); err != nil {
		t.Fatal(err)
	}
	apitest.Until(t, "the node learns that the tweet is deleted", func() bool { return len(ada.Home(t, 10)) == 0 })
	if _, _, err := operates(t, &c, "users", "reset-password", ada.Name); err != nil {
		t.Fatal(err)
	}
	apitest.Until(t, "the node learns that the session has ended", func() bool {
		res, err := ada.Do(t.Context(), homePage, nil)
		return err == nil && len(res.Errors) == 1 && res.Errors[0].Code() == "UNAUTHENTICATED"
	})
	bob := r.SignUp(t, "bob")
	his := bob.Tweet(t, "his")
	visible := func() bool {
		return r.Anonymous().Must(t, `query($id: ID!) { tweet(id: $id) { text } }`, apitest.Vars{"id": his}).Get("tweet") != nil
	}
	for _, suspended := range []bool{true, false} {
		word := map[bool]string{true: "suspend", false: "restore"}[suspended]
		if visible() != suspended {
			t.Fatalf("before `%s` the tweet is visible: %t", word, !suspended)
		}
		if _, _, err := operates(t, &c, "users", word, bob.Name); err != nil {
			t.Fatal(err)
		}
		if visible() == suspended {
			t.Errorf("after `%s` the tweet is visible: %t", word, suspended)
		}
	}
}

// hiddenWorld is what a suspension hides: ada has tweeted, follows bob and has retweeted a tweet of his; carl follows both and has
// retweeted a tweet of hers.
type hiddenWorld struct {
	ada, bob, carl       *apitest.User
	hers, more, his      string
	passedOn, herRetweet string // retweets of carl's and ada's
}

func newHiddenWorld(t *testing.T, r *apitest.Roost) *hiddenWorld {
	t.Helper()
	w := &hiddenWorld{ada: r.SignUp(t, "ada"), bob: r.SignUp(t, "bob"), carl: r.SignUp(t, "carl")}
	w.ada.Follow(t, w.bob.ID)
	w.carl.Follow(t, w.ada.ID)
	w.carl.Follow(t, w.bob.ID)
	w.hers, w.his, w.more = w.ada.Tweet(t, "hers"), w.bob.Tweet(t, "his"), w.ada.Tweet(t, "more of hers")
	w.herRetweet, w.passedOn = w.ada.Retweet(t, w.his), w.carl.Retweet(t, w.hers)
	w.ada.React(t, w.his, "LIKE")
	return w
}

// seen returns all that others see of ada, in one line.
func (w *hiddenWorld) seen(t *testing.T, r *apitest.Roost) string {
	t.Helper()
	res := r.As(w.carl.Key).Must(t, `query($name: String!, $bobs: String!, $carls: String!,
			$her: ID!, $hers: ID!, $his: ID!, $r: ID!, $p: ID!) {
		user(username: $name) { name }
		bob: user(username: $bobs) { followers { nodes { username } totalCount } }
		carl: user(username: $carls) { following { nodes { username } totalCount } timeline { nodes { text } } }
		her: node(id: $her) { id } tweet(id: $hers) { text } hers: node(id: $hers) { id }
		retweet: node(id: $r) { id } passedOn: node(id: $p) { id }
		his: tweet(id: $his) { retweetCount retweets { nodes { user { username } } } }
		reactionSummaries(subjectIds: [$hers, $his]) { likeCount }
		viewer { homeTimeline { nodes { text author { username } } edges { retweet { user { username } } } } }
	}`, apitest.Vars{"name": w.ada.Name, "bobs": w.bob.Name, "carls": w.carl.Name, "her": w.ada.ID, "hers": w.hers, "his": w.his,
		"r": w.herRetweet, "p": w.passedOn})
	return string(res.Data)
}

// hidden are the names of what seen must not contain while ada is suspended.
func (w *hiddenWorld) hidden(t *testing.T, r *apitest.Roost) {
	t.Helper()
	seen := w.seen(t, r)
	for _, not := range []string{w.ada.Name, "hers", w.ada.ID, w.hers} {
		if strings.Contains(strings.ReplaceAll(seen, `"hers":null`, ""), `"`+not+`"`) || strings.Contains(seen, "more of") {
			t.Errorf("%s is seen in %s", not, seen)
		}
	}
	for _, want := range []string{`"user":null`, `"her":null`, `"tweet":null`, `"hers":null`, `"retweet":null`, `"passedOn":null`,
		`"reactionSummaries":[null,{"likeCount":1}]`, `"retweetCount":1`, `"totalCount":2`, `"text":"his"`} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %s in %s", want, seen)
		}
	}
}

// When the command has answered, a suspended user is nowhere on the running node: not by name or id, in no list, with nothing that the user
// has written or passed on. Sessions and sockets end, followers' subscriptions are reset, sign-in is refused. A restored user is back
// everywhere. The cache, timelines and counts equal the database in both states.
func TestSuspendCommand(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		w := newHiddenWorld(t, r)
		before := w.seen(t, r)
		for range 2 {
			if again := w.seen(t, r); again != before {
				t.Fatalf("at rest:\n%s\n%s", before, again)
			}
		}
		socket, fan := w.ada.Dial(t), rig.WatchHome(t, w.carl, w.carl.Dial(t))
		rig.WatchHome(t, w.ada, socket)
		before = w.seen(t, r)
		r, out, err := operates(t, r, "users", "suspend", w.ada.Name)
		if want := w.ada.Name + " is suspended\n1 sessions of " + w.ada.Name + " have ended\n"; err != nil || out != want {
			t.Fatalf("%v, %q", err, out)
		}
		if r.Mode == apitest.Server {
			if code := socket.Closed(t); code != 4403 {
				t.Errorf("the socket is closed with %d", code)
			}
			for got := ""; got != "TIMELINE_REBUILT"; {
				got = rig.HomeEvent(t, fan.Next(t)) // after ada's tweets of WatchHome
			}
		}
		w.hidden(t, r)
		if res, err := r.As(w.ada.Key).Do(t.Context(), homePage, nil); err != nil || len(res.Errors) != 1 ||
			res.Errors[0].Code() != "UNAUTHENTICATED" {
			t.Errorf("the session of before: %v, %+v", err, res)
		}
		for password, want := range map[string]string{w.ada.Password: "FORBIDDEN", "wrong horse": "INVALID_CREDENTIALS"} {
			if code := signsIn(t, r, w.ada.Name, password); code != want {
				t.Errorf("the sign-in with %q is answered with %q, want %q", password, code, want)
			}
		}
		expectClean(t, r)
		if r, out, err = operates(t, r, "users", "suspend", w.ada.Name); err != nil || out != w.ada.Name+" was suspended before\n" {
			t.Errorf("again: %v, %q", err, out)
		}
		w.hidden(t, r)
		if r, out, err = operates(t, r, "users", "restore", w.ada.Name); err != nil || out != w.ada.Name+" is not suspended any more\n" {
			t.Fatalf("%v, %q", err, out)
		}
		if now := w.seen(t, r); now != before {
			t.Errorf("after the restoration:\n%s\nbefore the suspension:\n%s", now, before)
		}
		r.LogIn(t, w.ada)
		expectClean(t, r)
		if _, out, err = operates(t, r, "users", "restore", w.ada.Name); err != nil || out != w.ada.Name+" was not suspended\n" {
			t.Errorf("again: %v, %q", err, out)
		}
	})
}
