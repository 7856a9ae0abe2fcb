package graph

import (
	"roost/domain/tweets"
	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/internal/entities"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// textEntity is the key of an entity: what there is to say about it.
type textEntity struct {
	kind       entities.Kind
	start, end int32
	hashtag    tweets.Hashtag
	name       string // of a mention, in lower case
	url        string // of a link
}

// textEntities appends the entities of a tweet.
func textEntities(t *tweets.Tweet, to []textEntity) []textEntity {
	if t == nil {
		return to
	}
	for _, e := range entities.Find(t.Text) {
		k := textEntity{kind: e.Kind, start: int32(e.Start), end: int32(e.End)}
		switch e.Kind {
		case entities.Hashtag:
			k.hashtag = tweets.HashtagOf(e)
		case entities.Mention:
			k.name = e.Key
		default:
			k.url = e.URL
		}
		to = append(to, k)
	}
	return to
}

func hashtagType() *plan.Type[tweets.Hashtag] { return hashtag }

func hashtagTweetsType() *plan.Type[sqldb.Key] { return hashtagTweets }

func hashtagEntityType() *plan.Type[textEntity] { return hashtagEntity }

func mentionEntityType() *plan.Type[textEntity] { return mentionEntity }

func linkEntityType() *plan.Type[textEntity] { return linkEntity }

var (
	// hashtag is a hashtag in one of its spellings. Its name is the most common one.
	hashtag                                  *plan.Type[tweets.Hashtag]
	hashtagTweets                            *plan.Type[sqldb.Key]
	hashtagEntity, mentionEntity, linkEntity *plan.Type[textEntity]
)

func init() {
	hashtagTweets = tweetListTable(cursors.Hashtag, hashtagPage)
	hashtag = &plan.Type[tweets.Hashtag]{Name: "Hashtag", Is: []string{"Hashtag", "Node"}, Fields: map[string]plan.Field[tweets.Hashtag]{
		"id": plan.Key(func(_ *plan.Run, b []byte, h tweets.Hashtag) []byte {
			return appendGlobal(b, byte(ids.KindHashtag), h.ID)
		}),
		"name": plan.Leaf(hashtagName, plan.AppendString),
		"tweets": plan.SharedLink(hashtagTweetsType, func(r *plan.Run, a plan.Args) func(h tweets.Hashtag) sqldb.Key {
			w, ok := windowOf(r, a, cursors.Hashtag)
			if !ok {
				return nil
			}
			return func(h tweets.Hashtag) sqldb.Key { return sqldb.Key{Owner: h.ID, Window: w} }
		}),
	}}
	hashtagEntity = entityOf("HashtagEntity", "hashtag",
		plan.Shared(hashtagType, func(e textEntity) tweets.Hashtag { return e.hashtag }))
	mentionEntity = entityOf("MentionEntity", "user", plan.OneThrough(userIDByName, userType, func(e textEntity) string { return e.name },
		func(id int64) (int64, bool) { return id, id != 0 }))
	linkEntity = entityOf("LinkEntity", "url",
		plan.Key(func(_ *plan.Run, b []byte, e textEntity) []byte { return plan.AppendString(b, e.url) }))
}

// entitiesField is the list of a tweet's entities.
func entitiesField() plan.Field[int64] {
	return plan.ManyMixed(tweetRow, textEntities, func(e textEntity) int {
		switch e.kind {
		case entities.Hashtag:
			return 0
		case entities.Mention:
			return 1
		}
		return 2
	}, hashtagEntityType, mentionEntityType, linkEntityType)
}

// usedHashtag returns the hashtag if a visible tweet has it.
func usedHashtag(h tweets.UsedHashtag) (tweets.Hashtag, bool) { return h.Hashtag, h.Name != "" }

// tweetListTable is a page of tweets in a list. A page with a tweet that is not visible any more is left to the resolvers.
func tweetListTable(kind cursors.Kind, col *plan.Column[sqldb.Key, page]) *plan.Type[sqldb.Key] {
	return listTable("TweetConnection", tweetEdgeTable(kind), kind, col)
}

// tweetEdgeTable is a tweet in a list.
func tweetEdgeTable(kind cursors.Kind) *plan.Type[sqldb.Row] {
	edge := timelineEdgeTable(kind)
	edge.Name, edge.Is = "TweetEdge", []string{"TweetEdge"}
	delete(edge.Fields, "retweet")
	return edge
}

// entityOf is the table of an entity, with a field of its own.
func entityOf(name, field string, is plan.Field[textEntity]) *plan.Type[textEntity] {
	offset := func(of func(e textEntity) int32) plan.Field[textEntity] {
		return plan.Key(func(_ *plan.Run, b []byte, e textEntity) []byte { return plan.AppendInt(b, of(e)) })
	}
	return &plan.Type[textEntity]{Name: name, Is: []string{name, "TextEntity"}, Fields: map[string]plan.Field[textEntity]{
		"start": offset(func(e textEntity) int32 { return e.start }),
		"end":   offset(func(e textEntity) int32 { return e.end }),
		field:   is,
	}}
}
