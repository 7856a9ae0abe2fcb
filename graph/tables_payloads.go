package graph

import (
	"roost/domain/accounts"
	"roost/domain/retweets"
	"roost/graph/model"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// payloadTypes are the payloads of the mutations by their names.
var payloadTypes map[string]*plan.Type[*model.Payload]

func init() {
	payloadTypes = map[string]*plan.Type[*model.Payload]{}
	for _, f := range offered().Mutation.Fields {
		name := f.Type.Name()
		payloadTypes[name] = payloadTable(name)
	}
}

// payloadTable is the payload of a mutation. Each payload has the fields of all: the schema decides which may be selected.
func payloadTable(name string) *plan.Type[*model.Payload] {
	object := func(typ func() *plan.Type[int64], of func(p *model.Payload) int64) plan.Field[*model.Payload] {
		return plan.Link(typ, func(*plan.Run, plan.Args) func(*model.Payload) (int64, bool) {
			return func(p *model.Payload) (int64, bool) { return of(p), of(p) != 0 }
		})
	}
	text := func(of func(p *model.Payload) *string) plan.Field[*model.Payload] {
		return plan.Key(func(_ *plan.Run, b []byte, p *model.Payload) []byte { return plan.AppendOptional(b, of(p)) })
	}
	ofTweet := func(p *model.Payload) int64 { return p.TweetID }
	return &plan.Type[*model.Payload]{Name: name, Is: []string{name, "MutationPayload"}, Fields: map[string]plan.Field[*model.Payload]{
		"user":             object(userType, func(p *model.Payload) int64 { return p.UserID }),
		"viewer":           object(viewerType, func(p *model.Payload) int64 { return p.ViewerID }),
		"tweet":            object(tweetType, ofTweet),
		"subject":          object(tweetType, ofTweet),
		"token":            text(func(p *model.Payload) *string { return p.Token }),
		"deletedTweetId":   text(func(p *model.Payload) *string { return p.DeletedTweetID }),
		"deletedRetweetId": text(func(p *model.Payload) *string { return p.DeletedRetweetID }),
		"retweet": plan.Link(retweetType, func(*plan.Run, plan.Args) func(*model.Payload) (retweets.Retweet, bool) {
			return func(p *model.Payload) (retweets.Retweet, bool) {
				if p.Retweet == nil {
					return retweets.Retweet{}, false
				}
				return p.Retweet.Retweet, true
			}
		}),
		"timelineEdge": plan.Link(homeEdgeType, func(*plan.Run, plan.Args) func(*model.Payload) (sqldb.Row, bool) {
			return func(p *model.Payload) (sqldb.Row, bool) {
				return sqldb.Row{SortKey: p.TweetID, Item: p.TweetID}, p.TweetID != 0 && !p.NotInHome
			}
		}),
		"session": plan.Link(sessionType, func(*plan.Run, plan.Args) func(*model.Payload) (*accounts.Session, bool) {
			return func(p *model.Payload) (*accounts.Session, bool) { return p.Session, p.Session != nil }
		}),
		"sessions": plan.Items(sessionType,
			func(_ *plan.Run, _ plan.Args, p *model.Payload, to []*accounts.Session) ([]*accounts.Session, bool) {
				return append(to, p.Sessions...), p.Sessions != nil
			}),
		"userErrors": plan.Items(userErrorType,
			func(_ *plan.Run, _ plan.Args, p *model.Payload, to []*model.UserError) ([]*model.UserError, bool) {
				return append(to, p.UserErrors...), true
			}),
	}}
}

func homeEdgeType() *plan.Type[sqldb.Row] { return homeEdges }

var homeEdges = timelineEdgeTable(cursors.Home)

func userErrorType() *plan.Type[*model.UserError] { return userErrors }

var userErrors = &plan.Type[*model.UserError]{Name: "UserError", Is: []string{"UserError"},
	Fields: map[string]plan.Field[*model.UserError]{
		"code": plan.Key(func(_ *plan.Run, b []byte, e *model.UserError) []byte { return plan.AppendString(b, string(e.Code)) }),
		"message": plan.Key(func(_ *plan.Run, b []byte, e *model.UserError) []byte {
			return plan.AppendString(b, e.Message)
		}),
		"path": plan.Key(func(_ *plan.Run, b []byte, e *model.UserError) []byte { return plan.AppendStrings(b, e.Path) }),
		"limit": plan.Key(func(_ *plan.Run, b []byte, e *model.UserError) []byte {
			if e.Limit == nil {
				return append(b, "null"...)
			}
			return plan.AppendInt(b, *e.Limit)
		}),
	}}
