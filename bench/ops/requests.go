package ops

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"roost/bench/load"
	"roost/internal/ids"
)

// The queries to Roost. The baseline's pieces of JSON (package layout) follow the order of their fields.
const (
	homeQuery = `query Home { viewer { homeTimeline(first: 20) { edges { cursor node { id text createdAt
 author { id username name } reactions { likeCount dislikeCount revision viewerReaction } } } pageInfo { hasNextPage endCursor } } } }`
	profileQuery = `query Profile($username: String!) { user(username: $username) { id username name bio tweetCount
 followers { totalCount } following { totalCount } viewerIsFollowing timeline(first: 10) { edges { cursor node { id text createdAt
 reactions { likeCount dislikeCount revision viewerReaction } } } } } }`
	summariesQuery = `query Counts($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { likeCount dislikeCount revision viewerReaction } }`
	textsQuery     = `query Texts($ids: [ID!]!) { nodes(ids: $ids) { id ... on Tweet { text createdAt author { id username name } } } }`
	reactQuery     = `mutation React($input: SetReactionInput!) { setReaction(input: $input) { subject { id
 reactions { likeCount dislikeCount revision viewerReaction } } userErrors { code } } }`
)

// seed makes two runs send the same requests; each connection adds a number of its own.
const seed = 20260131

func dice(i int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }

// graphql appends a POST to Roost with a query, given as a JSON string, and variables.
func graphql(buf []byte, key, query, variables string) []byte {
	return request(buf, "Authorization: Bearer "+key+"\r\n", `{"query":`+query+`,"variables":`+variables+`}`)
}

// request appends a POST to Roost with headers, each with its line break.
func request(buf []byte, headers, body string) []byte {
	buf = append(buf, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"...)
	buf = append(buf, headers...)
	buf = append(buf, "Content-Length: "...)
	buf = strconv.AppendInt(buf, int64(len(body)), 10)
	buf = append(buf, "\r\n\r\n"...)
	return append(buf, body...)
}

// quoted is a query as a JSON string, its line breaks taken out.
func quoted(query string) string {
	b, err := json.Marshal(strings.ReplaceAll(query, "\n", ""))
	if err != nil {
		panic(err) // a string can be encoded
	}
	return string(b)
}

// plain appends a request to the baseline.
func plain(buf []byte, method, path, key string) []byte {
	return append(fmt.Appendf(buf, "%s %s HTTP/1.1\r\nHost: baseline\r\nAuthorization: Bearer %s\r\n", method, path, key),
		lengthOf[method]...)
}

var lengthOf = map[string]string{"GET": "\r\n", "POST": "Content-Length: 0\r\n\r\n"}

// ask is one request, in the form for each target, with a function that finds the answer in SQL.
type ask struct {
	roost, baseline []byte
	want            func(context.Context, *sql.DB) (any, error)
}

// reads returns an operation that sends random ones of the requests.
func reads(name, title string, good string, asks []ask) Operation {
	source := func(request func(*ask) []byte) func(i, n int) load.Source {
		return func(worker, _ int) load.Source {
			r := dice(worker)
			return func(buf []byte) []byte { return append(buf, request(&asks[r.IntN(len(asks))])...) }
		}
	}
	return Operation{
		Name: name, Title: title, Rate: 200, asks: asks,
		Roost:    load.Traffic{Good: []byte(good), Source: source(func(a *ask) []byte { return a.roost })},
		Baseline: load.Traffic{Good: []byte(good), Source: source(func(a *ask) []byte { return a.baseline })},
	}
}

func (w *World) home() Operation { return w.homeOf(w.Viewers) }

// homeOf returns an operation that reads the home pages of some viewers.
func (w *World) homeOf(viewers []Viewer) Operation {
	query := quoted(homeQuery)
	var asks []ask
	for _, v := range viewers {
		asks = append(asks, ask{
			roost:    graphql(nil, v.Key, query, "{}"),
			baseline: plain(nil, "GET", "/home", v.Key),
			want:     func(ctx context.Context, db *sql.DB) (any, error) { return wantHome(ctx, db, v.ID) },
		})
	}
	return reads("home", "home page, 20 tweets", `{"data":{"viewer":{"homeTimeline":{"edges":[{`, asks)
}

func (w *World) profile() Operation {
	query := quoted(profileQuery)
	r := dice(0)
	var asks []ask
	for _, name := range w.Usernames {
		v := w.Viewers[r.IntN(len(w.Viewers))]
		asks = append(asks, ask{
			roost:    graphql(nil, v.Key, query, `{"username":"`+name+`"}`),
			baseline: plain(nil, "GET", "/users/"+name, v.Key),
			want:     func(ctx context.Context, db *sql.DB) (any, error) { return wantProfile(ctx, db, v.ID, name) },
		})
	}
	return reads("profile", "profile, 10 tweets", `{"data":{"user":{"id":`, asks)
}

func (w *World) summaries() Operation {
	query := quoted(summariesQuery)
	var asks []ask
	for _, v := range w.Viewers {
		asks = append(asks, ask{
			roost:    graphql(nil, v.Key, query, `{"ids":["`+strings.Join(screen(v), `","`)+`"]}`),
			baseline: plain(nil, "GET", "/summaries?ids="+strings.Join(screen(v), ","), v.Key),
			want:     func(ctx context.Context, db *sql.DB) (any, error) { return wantSummaries(ctx, db, v.ID, v.Screen) },
		})
	}
	return reads("summaries", "reactionSummaries of 20", `{"data":{"reactionSummaries":[{`, asks)
}

// Texts returns an operation that reads the tweets on a viewer's screen without their counts. The cache keeps all rows that it needs
// for minutes. There are no requests to the baseline.
func (w *World) Texts() Operation {
	var asks []ask
	for _, v := range w.Viewers {
		asks = append(asks, ask{roost: graphql(nil, v.Key, quoted(textsQuery), `{"ids":["`+strings.Join(screen(v), `","`)+`"]}`)})
	}
	return reads("texts", "texts of 20 tweets", `{"data":{"nodes":[{"id":`, asks)
}

// screen returns the global ids of the tweets on a viewer's screen.
func screen(v Viewer) []string {
	all := make([]string, len(v.Screen))
	for i, id := range v.Screen {
		all[i] = ids.TweetID(id).String()
	}
	return all
}

// Reaction is a reaction that a viewer sets.
type Reaction struct {
	Viewer Viewer
	Tweet  int64
	Kind   string
}

func (s Reaction) roost(buf []byte) []byte {
	return graphql(buf, s.Viewer.Key, reaction,
		`{"input":{"subjectId":"`+ids.TweetID(s.Tweet).String()+`","reaction":"`+s.Kind+`"}}`)
}

func (s Reaction) baseline(buf []byte) []byte {
	return plain(buf, "POST", "/reactions/"+ids.TweetID(s.Tweet).String()+"/"+s.Kind, s.Viewer.Key)
}

var (
	reaction = quoted(reactQuery)
	reacted  = []byte(`{"data":{"setReaction":{"subject":{`)
	kinds    = [2]string{"LIKE", "DISLIKE"}
)

// react sets random viewers' reactions to random tweets: mostly new ones.
func (w *World) react() Operation {
	source := func(request func(Reaction, []byte) []byte) func(i, n int) load.Source {
		// Each connection continues where the run before ended, because setting the same reactions again would change nothing.
		rolls := map[int]*rand.Rand{}
		return func(worker, _ int) load.Source {
			r := rolls[worker]
			if r == nil {
				r = dice(worker)
				rolls[worker] = r
			}
			return func(buf []byte) []byte { return request(w.randomReaction(r), buf) }
		}
	}
	return Operation{
		Name: "react", Title: "setReaction, random tweets", Rate: 200, Writes: true,
		Roost:    load.Traffic{Good: reacted, Source: source(Reaction.roost)},
		Baseline: load.Traffic{Good: reacted, Source: source(Reaction.baseline)},
	}
}

func (w *World) randomReaction(r *rand.Rand) Reaction {
	return Reaction{w.Viewers[r.IntN(len(w.Viewers))], w.Tweets[r.IntN(len(w.Tweets))], kinds[r.IntN(len(kinds))]}
}

// viral returns an operation in which every viewer switches between like and dislike of one tweet, so each request is a change.
func (w *World) viral() Operation {
	return Operation{
		Name: "viral", Title: "setReaction, one tweet", Rate: 100, Writes: true, Settles: len(w.Viewers),
		Roost:    load.Traffic{Good: reacted, Source: w.flips(Reaction.roost)},
		Baseline: load.Traffic{Good: reacted, Source: w.flips(Reaction.baseline)},
	}
}

// Flips returns the traffic of the viral operation, whose effect sockets see.
func (w *World) Flips() Operation { return w.viral() }

func (w *World) flips(request func(Reaction, []byte) []byte) func(i, n int) load.Source {
	// The next reaction of each viewer. Connections share no viewer, and runs come one after another.
	next := make([]uint8, len(w.Viewers))
	return func(worker, of int) load.Source {
		i := worker % len(w.Viewers)
		return func(buf []byte) []byte {
			kind := kinds[next[i]&1]
			next[i]++
			buf = request(Reaction{w.Viewers[i], w.Viral, kind}, buf)
			if i += of; i >= len(w.Viewers) {
				i = worker % len(w.Viewers)
			}
			return buf
		}
	}
}
