package graph

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/ids"
)

// The tables say how plans answer the types of the schema. A line is a field; its value is made by the function that the resolver of
// the field uses as well.

// appendGlobal appends a global id or a cursor: a byte for the kind and a number.
func appendGlobal(b []byte, kind byte, number int64) []byte {
	var raw [9]byte
	raw[0] = kind
	binary.BigEndian.PutUint64(raw[1:], uint64(number))
	b = base64.RawURLEncoding.AppendEncode(append(b, '"'), raw[:])
	return append(b, '"')
}

func appendCursor(b []byte, kind cursors.Kind, sortKey int64) []byte {
	return append(cursors.Append(append(b, '"'), kind, sortKey), '"') // its letters need no escapes
}

func limitsType() *plan.Type[root]               { return limits }
func rateLimitType() *plan.Type[root]            { return rateLimit }
func userType() *plan.Type[int64]                { return user }
func tweetType() *plan.Type[int64]               { return tweet }
func summaryType() *plan.Type[int64]             { return summary }
func viewerType() *plan.Type[int64]              { return viewer }
func sessionType() *plan.Type[*accounts.Session] { return session }

var (
	user, tweet, summary, viewer *plan.Type[int64]
	session                      *plan.Type[*accounts.Session]
	query, limits, rateLimit     *plan.Type[root]
)

// root is the key of the one object of a root type.
type root struct{}

func init() {
	user, tweet, summary, viewer, session = userTable(), tweetTable(), summaryTable(), viewerTable(), sessionTable()
	query, limits, rateLimit = queryTable(), limitsTable(), rateLimitTable()
}

func queryTable() *plan.Type[root] {
	return &plan.Type[root]{Name: "Query", Is: []string{"Query"}, Fields: map[string]plan.Field[root]{
		"viewer": plan.Link(viewerType, func(r *plan.Run, _ plan.Args) func(root) (int64, bool) {
			id := envOf(r).who.UserID()
			return func(root) (int64, bool) { return id, id != 0 }
		}),
		"tweet": plan.Link(tweetType, func(r *plan.Run, a plan.Args) func(root) (int64, bool) {
			global, ok := idArgument(r, a, "id")
			if !ok {
				return nil
			}
			return func(root) (int64, bool) { return ids.Tweet(global) }
		}),
		"user": plan.Find[root](userIDByName, userType, func(r *plan.Run, a plan.Args) (string, bool) {
			v, _ := a.Get(r, "username")
			name, err := graphql.UnmarshalString(v)
			return withoutAt(name), err == nil
		}, func(id int64) (int64, bool) { return id, id != 0 }),
		"hashtag": plan.Find[root](hashtagRow, hashtagType, func(r *plan.Run, a plan.Args) (int64, bool) {
			v, _ := a.Get(r, "name")
			name, err := graphql.UnmarshalString(v)
			id, _ := tweets.HashtagNamed(name) // there is no hashtag 0
			return id, err == nil
		}, usedHashtag),
		"reactionSummaries": plan.Items(countedType, func(r *plan.Run, a plan.Args, _ root, to []int64) ([]int64, bool) {
			globals, ok := idArguments(r, a, "subjectIds", nil)
			for _, g := range globals {
				id, _ := ids.Tweet(g) // there is no tweet 0
				to = append(to, id)
			}
			return to, ok
		}),
		"node": plan.Node[root](func(r *plan.Run, a plan.Args, to []string) ([]string, bool) {
			global, ok := idArgument(r, a, "id")
			return append(to, global), ok
		}, nodeKinds()...),
		"nodes": plan.Nodes[root](func(r *plan.Run, a plan.Args, to []string) ([]string, bool) {
			return idArguments(r, a, "ids", to)
		}, nodeKinds()...),
		"searchTweets": plan.Link(tweetsFoundType, tweetSearchLink),
		"searchUsers":  plan.Link(usersFoundType, userSearchLink),
		"limits":       plan.Same(limitsType),
		"rateLimit":    plan.Same(rateLimitType),
	}}
}

// countedType is a summary that exists only for a tweet.
func countedType() *plan.Type[int64] { return counted }

var counted = func() *plan.Type[int64] {
	t := *summaryTable()
	t.Exists = plan.Exists(tweetRow, exists)
	return &t
}()

// idArgument returns an argument of the type ID.
func idArgument(r *plan.Run, a plan.Args, name string) (string, bool) {
	v, _ := a.Get(r, name)
	global, err := graphql.UnmarshalID(v)
	return global, err == nil
}

// idArguments appends an argument that is a list of ids, which must not be longer than a batch.
func idArguments(r *plan.Run, a plan.Args, name string, to []string) ([]string, bool) {
	v, _ := a.Get(r, name)
	list := graphql.CoerceList(v)
	if len(list) > BatchSize {
		return to, false
	}
	for _, v := range list {
		global, err := graphql.UnmarshalID(v)
		if err != nil {
			return to, false
		}
		to = append(to, global)
	}
	return to, true
}

// nodeKinds are the types that have a global id.
func nodeKinds() []plan.Kind {
	ofKind := func(kind ids.Kind) func(r *plan.Run, global string) (int64, bool) {
		return func(_ *plan.Run, global string) (int64, bool) {
			k, parts, ok := ids.Decode(global)
			if !ok || k != kind {
				return 0, false
			}
			return parts[0], true
		}
	}
	return []plan.Kind{
		plan.As(userType, func(r *plan.Run, global string) (int64, bool) {
			id, ok := ids.User(global)
			return id, ok && !envOf(r).set.Suspended(id)
		}),
		plan.As(tweetType, ofKind(ids.KindTweet)),
		plan.AsFound(retweetRow, retweetType, func(_ *plan.Run, global string) (retweets.Retweet, bool) {
			return retweetNamed(global)
		}, func(_ *plan.Run, found *retweets.Retweet) (retweets.Retweet, bool) {
			if found == nil {
				return retweets.Retweet{}, false
			}
			return *found, true
		}),
		plan.AsFound(hashtagRow, hashtagType, func(_ *plan.Run, global string) (int64, bool) { return ids.Hashtag(global) },
			func(_ *plan.Run, h tweets.UsedHashtag) (tweets.Hashtag, bool) { return usedHashtag(h) }),
		plan.AsFound(sessionRow, sessionType, func(r *plan.Run, global string) (int64, bool) {
			k, parts, ok := ids.Decode(global)
			if !ok || k != ids.KindSession || parts[0] != envOf(r).who.UserID() {
				return 0, false
			}
			return parts[1], true
		}, func(r *plan.Run, s *accounts.Session) (*accounts.Session, bool) {
			return s, s != nil && s.ID.User == envOf(r).who.UserID()
		}),
	}
}

func viewerTable() *plan.Type[int64] {
	return &plan.Type[int64]{Name: "Viewer", Is: []string{"Viewer"}, Fields: map[string]plan.Field[int64]{
		"user":  plan.Same(userType),
		"email": plan.Leaf(accountRow, func(b []byte, a *accounts.Account) []byte { return plan.AppendString(b, a.Private.Email) }),
		"sessionPolicy": plan.Leaf(accountRow, func(b []byte, a *accounts.Account) []byte {
			return plan.AppendString(b, string(a.Private.SessionPolicy))
		}),
		"homeTimeline": pageLink(homeConnectionType, cursors.Home),
		"currentSession": plan.Find[int64](sessionRow, sessionType, func(r *plan.Run, _ plan.Args) (int64, bool) {
			return envOf(r).who.SessionID(), true
		}, func(s *accounts.Session) (*accounts.Session, bool) { return s, s != nil }),
		"sessions": sessionsField(),
	}}
}
