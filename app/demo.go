package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"roost/app/demo"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/internal/clock"
	"roost/internal/lifecycle"
	"roost/loaders"
	"roost/server"
	"roost/server/playground"
)

// lookedFor is how long after the last request the demo world stays alive without an open socket.
const lookedFor = 10 * time.Minute

// demoWorld is the demo of a node. world is nil if the database holds data of a user's own. looked is the time of the last
// request.
type demoWorld struct {
	world  *demo.World
	looked atomic.Int64
}

func (d *demoWorld) look(now time.Time) {
	if d.world != nil {
		d.looked.Store(now.UnixNano())
	}
}

// seedDemo makes or finds the demo world, and adds the service that makes its people tweet and react.
func (a *App) seedDemo(ctx context.Context) error {
	w, err := demo.Seed(ctx, demo.Options{DB: a.stores.DB, Client: a.stores.Client, Log: a.log, IDs: a.stores.IDs,
		Clock: clock.Real{}, HashPassword: a.sources.Accounts.HashPassword, React: actions{a.sources}.React})
	if err != nil || w == nil {
		return err
	}
	a.demo.world = w
	if host, _, err := SplitAddr(a.Config.Addr); err == nil && !server.IsLoopback(host) {
		slog.Warn("the demo world has accounts with a published password, and other machines can reach this node: use --demo=false, "+
			"or listen on localhost", "addr", a.Config.Addr)
	}
	var warnings lifecycle.Throttle
	a.services.Add("demo life", demo.NewLife(demo.LifeOptions{World: w, Client: a.stores.Client, Actions: actions{a.sources},
		Idle: func() bool { return time.Since(time.Unix(0, a.demo.looked.Load())) > lookedFor && !a.hub.Watched() },
		Failed: func(err error) {
			if warnings.Allow() {
				slog.Warn("an action of the demo world failed", "error", err)
			}
		}}))
	return nil
}

// demoLogin is the login that the playground starts with, nil without a demo world.
func (a *App) demoLogin() *playground.DemoLogin {
	if a.demo.world == nil {
		return nil
	}
	return &playground.DemoLogin{Username: a.demo.world.Username, Password: a.demo.world.Password}
}

// actions implements demo.Actions through the domain packages, so the rules for all users apply to the people of the demo
// world.
type actions struct{ loaders.Sources }

// Tweet posts a tweet, a reply if inReplyTo is not 0.
func (s actions) Tweet(ctx context.Context, authorID, inReplyTo int64, text string) (int64, error) {
	t, err := s.Tweets.PostDraft(ctx, authorID, tweets.Draft{Text: text, InReplyTo: inReplyTo})
	if err != nil {
		return 0, err
	}
	return int64(t.ID), nil
}

// Delete deletes a tweet.
func (s actions) Delete(ctx context.Context, authorID, tweetID int64) error {
	return s.Tweets.Delete(ctx, authorID, tweetID)
}

// React sets a reaction.
func (s actions) React(ctx context.Context, userID, tweetID int64, kind int8) error {
	_, err := s.Reactions.Set(ctx, userID, tweetID, reactions.Kind(kind))
	return err
}

// Retweet retweets a tweet.
func (s actions) Retweet(ctx context.Context, userID, tweetID int64) error {
	_, _, err := s.Retweets.Retweet(ctx, userID, tweetID)
	return err
}

// Greeting says to a newcomer where the pages are, and what to try.
func (a *App) Greeting() string {
	var b strings.Builder
	w, c := a.demo.world, a.Config
	switch {
	case c.DocumentsOnly:
		fmt.Fprintf(&b, "\n  This node runs nothing but the documents of %s.\n", c.Documents)
		if w != nil {
			fmt.Fprintf(&b, "  Sign in as %s with the password %s.\n", w.Username, w.Password)
		}
	case w != nil && c.Playground:
		fmt.Fprintf(&b, `
  Sign in as %[1]s with the password %[2]s; the playground has done it already.
  Try these, they are its first tabs:
    1. read the home timeline                 query { viewer { homeTimeline { nodes { text } } } }
    2. watch it move                          subscription { homeTimelineEvents { __typename } }
    3. post something, and like it            mutation { createTweet(input: {text: "Hello"}) { tweet { id } } }
`, w.Username, w.Password)
	case w != nil:
		fmt.Fprintf(&b, "\n  Sign in as %s with the password %s.\n", w.Username, w.Password)
	case c.Server():
	case c.App:
		b.WriteString("\n  Sign up in the app to begin.\n")
	case c.Playground:
		b.WriteString("\n  Sign up in the playground to begin.\n")
	}
	return b.String()
}

// Pages says where people find the pages of this node, in one line; empty if there are none. address is where browsers reach the node,
// without a slash at the end.
func (a *App) Pages(address string) string {
	switch c := a.Config; {
	case !c.Has("api"):
	case c.App && c.Playground:
		return "The web app is there, the playground at " + address + playground.Path
	case c.App:
		return "The web app is there"
	case c.Playground:
		return "The playground is at " + address + playground.Path
	}
	return ""
}

// observed reports to the demo that somebody looks.
type observed struct {
	server.Authenticator
	demo *demoWorld
}

// Authenticate notes the look.
func (o observed) Authenticate(ctx context.Context, key string) (server.Session, error) {
	o.demo.look(time.Now())
	return o.Authenticator.Authenticate(ctx, key)
}
