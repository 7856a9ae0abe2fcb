package accounts

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/app"
	"roost/internal/clock"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// attempts counts how attempts with a wrong password ended: admitted, or refused with RATE_LIMITED. Any other answer fails
// the test.
type attempts struct {
	t                 *testing.T
	admitted, refused atomic.Int64
}

// count adds the answer to one attempt, which has this name in the document.
func (n *attempts) count(res *apitest.Response, err error, field string) {
	if err != nil {
		n.t.Errorf("an attempt: %v", err)
		return
	}
	if res.String(field+".userErrors.0.code") == "INVALID_CREDENTIALS" {
		n.admitted.Add(1)
		return
	}
	for _, e := range res.Errors {
		if len(e.Path) != 1 || e.Path[0] != field {
			continue
		}
		after, _ := e.Extensions["retryAfter"].(float64)
		if e.Code() != "RATE_LIMITED" || after < 1 || after > 900 {
			n.t.Errorf("refused with %s and retryAfter %v: %s", e.Code(), after, res.Body)
		}
		n.refused.Add(1)
		return
	}
	if omitted := strings.Contains(string(res.Body), "errorsOmitted"); omitted && res.Get(field) == nil {
		n.refused.Add(1)
		return
	}
	n.t.Errorf("an attempt got %s", res.Body)
}

// way makes n attempts at an account, in one of the ways that the API has.
type way func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts)

var wrongLogIn = func(login string) apitest.Vars {
	return apitest.Vars{"i": apitest.Vars{"login": login, "password": "wrong horse", "tokenDelivery": "TOKEN"}}
}

// inParallel calls one for every i below n, from several workers.
func inParallel(n, workers int, one func(worker, i int)) {
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				one(w, i)
			}
		})
	}
	all.Wait()
}

var ways = map[string]way{
	"one after the other": func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts) {
		for range n {
			res, err := nodes[0].Do(t.Context(), rig.Mutations["logIn"], wrongLogIn(victim.Name))
			count.count(res, err, "x")
		}
	},
	"in aliases": func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts) {
		const each = 20
		query := `mutation($i: LogInInput!) {` + rig.Numbered(each, ` a%d: logIn(input: $i) { token userErrors { code } }`) + `}`
		for range n / each {
			res, err := nodes[0].Do(t.Context(), query, wrongLogIn(strings.ToUpper(victim.Name)))
			for i := range each {
				count.count(res, err, fmt.Sprint("a", i))
			}
		}
	},
	"over sockets": func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts) {
		sockets := make([]*apitest.Socket, 10)
		for i := range sockets {
			sockets[i] = nodes[0].Dial(t)
		}
		inParallel(n, len(sockets), func(w, _ int) {
			res, err := sockets[w].Subscribe(t, rig.Mutations["logIn"], wrongLogIn(victim.Name)).TryNext(t.Context())
			count.count(res, err, "x")
		})
	},
	"on all nodes at once": func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts) {
		inParallel(n, 10, func(w, _ int) {
			res, err := nodes[w%len(nodes)].Do(t.Context(), rig.Mutations["logIn"], wrongLogIn(victim.Name))
			count.count(res, err, "x")
		})
	},
	"with a session": func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts) {
		inParallel(n, 10, func(w, i int) {
			me := *nodes[w%len(nodes)]
			me.Key = victim.Key
			mutation, input := "changePassword", apitest.Vars{"currentPassword": "wrong horse", "newPassword": "another horse"}
			if i%2 == 0 {
				mutation, input = "updateSettings", apitest.Vars{"email": "thief@example.com", "currentPassword": "wrong horse"}
			}
			res, err := me.Do(t.Context(), rig.Mutations[mutation], apitest.Vars{"i": input})
			count.count(res, err, "x")
		})
	},
	"with and without a session": func(t *testing.T, nodes []*apitest.Client, victim *apitest.User, n int, count *attempts) {
		inParallel(n, 10, func(w, i int) {
			me := *nodes[w%len(nodes)]
			mutation, input := "logIn", wrongLogIn(victim.Name)["i"].(apitest.Vars)
			if i%2 == 0 {
				me.Key = victim.Key
				mutation, input = "changePassword", apitest.Vars{"currentPassword": "wrong horse", "newPassword": "another horse"}
			}
			res, err := me.Do(t.Context(), rig.Mutations[mutation], apitest.Vars{"i": input})
			count.count(res, err, "x")
		})
	},
}

// Of a thousand attempts at an account from one address the same number is admitted, in whichever way they are made, on one
// node or two, with Redis or without. Refused attempts cost no hash.
func TestAttemptsAreCountedEveryWay(t *testing.T) {
	t.Run("Redis up", func(t *testing.T) { rig.EachCluster(t, attemptEveryWay, rig.Limited(50, 0)) })
	t.Run("Redis down", func(t *testing.T) {
		t.Parallel()
		a := apitest.New(t, apitest.Server, rig.Limited(50, 0))
		b := rig.StartAnother(t, a)
		a.Redis.Stop()
		attemptEveryWay(t, a, b)
	})
}

func attemptEveryWay(t *testing.T, a, b *apitest.Roost) {
	const admitted = 10 // a fifth of the limit of the account
	hashes := func() float64 {
		n := rig.Metrics(t, a)["roost_password_hashes_total"]
		if a != b {
			n += rig.Metrics(t, b)["roost_password_hashes_total"]
		}
		return n
	}
	at := 0
	for name, way := range ways {
		at++
		address, victim := fmt.Sprintf("127.0.1.%d", at), a.SignUp(t, "victim")
		before, count := hashes(), &attempts{t: t}
		way(t, []*apitest.Client{from(a, address), from(b, address)}, victim, 1000, count)
		if got := count.admitted.Load(); got != admitted || count.refused.Load() != 1000-admitted {
			t.Errorf("%s: %d were admitted and %d refused, want %d", name, got, count.refused.Load(), admitted)
		}
		if got := hashes() - before; got != admitted {
			t.Errorf("%s: they took %v hashes, want %d", name, got, admitted)
		}
	}
}

// Attempts at one account from many addresses have the limit of the account, those at many accounts from one address the
// limit of the address.
func TestAttemptsAreCountedByAccountAndByAddress(t *testing.T) {
	const perAccount, perAddress = 50, 100
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		victim, count := a.SignUp(t, "victim"), &attempts{t: t}
		inParallel(600, 10, func(w, i int) {
			node := []*apitest.Roost{a, b}[i/20%2]
			res, err := from(node, fmt.Sprintf("127.0.2.%d", i%20)).Do(t.Context(), rig.Mutations["logIn"], wrongLogIn(victim.Name))
			count.count(res, err, "x")
		})
		if got := count.admitted.Load(); got != perAccount {
			t.Errorf("from 20 addresses %d attempts at an account were admitted, want %d", got, perAccount)
		}
		count = &attempts{t: t}
		here, there := from(a, "127.0.3.1"), from(b, "127.0.3.1")
		inParallel(600, 10, func(w, i int) {
			res, err := []*apitest.Client{here, there}[w%2].Do(t.Context(), rig.Mutations["logIn"], wrongLogIn(fmt.Sprint("nobody", i)))
			count.count(res, err, "x")
		})
		if got := count.admitted.Load(); got != perAddress {
			t.Errorf("from one address %d attempts at many accounts were admitted, want %d", got, perAddress)
		}
	}, rig.Limited(perAccount, perAddress))
}

// Successful attempts do not count for an account. Attackers cannot keep its owner out of addresses where it has signed in
// lately, nor out of open sessions. Limits end with their window.
func TestOwnersAreNotLockedOut(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		now := a.Config.Clock.(*clock.Fake)
		home, elsewhere := from(a, "127.0.4.1"), from(a, "127.0.4.2")
		in := signing(nil)
		name, mail := in["username"].(string), in["email"].(string)
		key := home.Must(t, rig.Mutations["signUp"], apitest.Vars{"i": in}).String("x.token")
		try := func(c *apitest.Client, login, password string) string {
			t.Helper()
			res := c.Run(t, rig.Mutations["logIn"], apitest.Vars{"i": apitest.Vars{"login": login, "password": password, "tokenDelivery": "TOKEN"}})
			switch {
			case len(res.Errors) > 0:
				return res.Errors[0].Code()
			case res.String("x.token") != "":
				return "in"
			}
			return res.String("x.userErrors.0.code")
		}
		expect := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		for range 12 {
			expect("signing in", try(elsewhere, name, "correct horse"), "in")
			expect("signing in by email", try(elsewhere, mail, "correct horse"), "in")
		}
		attack := func() {
			t.Helper()
			for i := range 30 {
				c := from([]*apitest.Roost{a, b}[i%2], fmt.Sprintf("127.0.5.%d", i))
				_, _ = try(c, name, "wrong horse"), try(c, mail, "wrong horse")
			}
		}
		attack()
		expect("an address that the account does not know", try(from(a, "127.0.4.3"), name, "correct horse"), "RATE_LIMITED")
		expect("where it signed up", try(home, name, "correct horse"), "in")
		expect("where it signed up, by email", try(home, mail, "correct horse"), "in")
		expect("where it signed in", try(elsewhere, name, "correct horse"), "in")
		owner := from(b, "127.0.4.4") // on the move
		owner.Key = key
		if got := owner.Must(t, `{ viewer { email } }`, nil).String("viewer.email"); got != mail {
			t.Errorf("the open session reads %q", got)
		}
		change := apitest.Vars{"currentPassword": "correct horse", "newPassword": "another horse"}
		res := owner.Run(t, rig.Mutations["changePassword"], apitest.Vars{"i": change})
		expect("changing the password in the open session", res.String("x.viewer.email"), mail)
		for i := range 12 { // the limit of the pair holds at known addresses, too
			want := "INVALID_CREDENTIALS"
			if i >= 5 {
				want = "RATE_LIMITED"
			}
			expect(fmt.Sprint("wrong password ", i), try(home, name, "wrong horse"), want)
		}
		expect("the right one after them", try(home, name, "another horse"), "RATE_LIMITED")
		now.Add(15 * time.Minute)
		expect("after the window", try(home, name, "another horse"), "in")
		expect("after the window, elsewhere", try(from(a, "127.0.4.3"), name, "another horse"), "in")
		now.Add(91 * 24 * time.Hour) // then addresses are known no more
		attack()
		expect("where it signed up long ago", try(home, name, "another horse"), "RATE_LIMITED")
	}, rig.Limited(20, 0), func(c *app.Config) { c.Clock = clock.NewFake(time.Now()) })
}

// Attempts to sign up are limited by address, and count even if they are refused for a name that is taken.
func TestSignUpsAreLimited(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		taken := a.SignUp(t, "taken")
		outcomes := map[string]int{}
		for i := range 20 {
			in := signing(nil)
			if i%2 == 0 {
				in["username"] = taken.Name
			}
			res := from([]*apitest.Roost{a, b}[i/2%2], "127.0.6.1").Run(t, rig.Mutations["signUp"], apitest.Vars{"i": in})
			switch {
			case len(res.Errors) > 0:
				outcomes[res.Errors[0].Code()]++
			case res.String("x.token") != "":
				outcomes["in"]++
			default:
				outcomes[res.String("x.userErrors.0.code")]++
			}
		}
		if outcomes["in"] != 5 || outcomes["TAKEN"] != 5 || outcomes["RATE_LIMITED"] != 10 {
			t.Errorf("twenty attempts ended with %v", outcomes)
		}
		if res := from(a, "127.0.6.2").Must(t, rig.Mutations["signUp"], apitest.Vars{"i": signing(nil)}); res.String("x.token") == "" {
			t.Errorf("from another address: %s", res.Data)
		}
	}, func(c *app.Config) { c.SignUpPerAddress = 10 })
}

// Behind a trusted proxy attempts count for the client that it names, or for the /64 of an IPv6 client.
func TestAttemptsBehindAProxy(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		try := func(client string) string {
			t.Helper()
			c := r.Anonymous()
			c.HTTP = &http.Client{Transport: forwarded(client)}
			res := c.Run(t, rig.Mutations["logIn"], wrongLogIn(apitest.Unique("nobody")))
			if len(res.Errors) > 0 {
				return res.Errors[0].Code()
			}
			return res.String("x.userErrors.0.code")
		}
		for _, c := range []struct{ client, want string }{
			{"2001:db8:1:2::a", "INVALID_CREDENTIALS"}, {"2001:db8:1:2::b", "INVALID_CREDENTIALS"}, {"2001:db8:1:2:ffff::", "RATE_LIMITED"},
			{"2001:db8:1:3::a", "INVALID_CREDENTIALS"}, {"192.0.2.7", "INVALID_CREDENTIALS"}, {"192.0.2.7", "INVALID_CREDENTIALS"},
			{"::ffff:192.0.2.7", "RATE_LIMITED"}, {"192.0.2.8", "INVALID_CREDENTIALS"},
		} {
			if got := try(c.client); got != c.want {
				t.Errorf("an attempt of %s got %s, want %s", c.client, got, c.want)
			}
		}
	}, rig.Limited(0, 2), func(c *app.Config) { c.TrustedProxies = "127.0.0.1" })
}

// forwarded sends requests as a proxy does for a client.
type forwarded string

func (f forwarded) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Forwarded-For", string(f))
	return http.DefaultTransport.RoundTrip(req)
}
