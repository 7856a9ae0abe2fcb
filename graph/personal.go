package graph

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// impersonalFields lists the fields of events whose value does not depend on the viewer. Every other field counts as personal.
var impersonalFields = fieldSet(
	"Subscription.homeTimelineEvents", "Subscription.reactionsChanged", "Subscription.replyAdded",
	"TimelineEvent.cursor", "TimelineEntryAdded.cursor", "TimelineEntryAdded.edge", "TimelineEntryRemoved.cursor",
	"TimelineEntryRemoved.tweetId", "TimelineReset.cursor", "TimelineReset.reason", "TimelineEdge.cursor", "TimelineEdge.node",
	"TimelineEdge.retweet",
	"Node.id", "Reactable.id", "Reactable.reactions",
	"Tweet.id", "Tweet.author", "Tweet.text", "Tweet.url", "Tweet.createdAt", "Tweet.reactions",
	"Tweet.isReply", "Tweet.inReplyTo", "Tweet.ancestors", "Tweet.replyCount",
	"TweetConnection.edges", "TweetConnection.nodes", "TweetConnection.pageInfo", "TweetEdge.cursor", "TweetEdge.node",
	"Tweet.retweetCount", "Tweet.retweets", "RetweetConnection.edges", "RetweetConnection.nodes", "RetweetConnection.pageInfo",
	"RetweetEdge.cursor", "RetweetEdge.node", "Retweet.id", "Retweet.tweet", "Retweet.user", "Retweet.createdAt",
	"Tweet.entities", "TextEntity.start", "TextEntity.end", "HashtagEntity.start", "HashtagEntity.end", "HashtagEntity.hashtag",
	"MentionEntity.start", "MentionEntity.end", "MentionEntity.user", "LinkEntity.start", "LinkEntity.end", "LinkEntity.url",
	"Hashtag.id", "Hashtag.name", "Hashtag.tweets", "TweetConnection.edges", "TweetConnection.nodes", "TweetConnection.pageInfo",
	"TweetEdge.cursor", "TweetEdge.node",
	"ReactionSummary.subject", "ReactionSummary.likeCount", "ReactionSummary.dislikeCount", "ReactionSummary.revision",
	"User.id", "User.username", "User.name", "User.bio", "User.websiteUrl", "User.createdAt", "User.url", "User.tweetCount",
	"User.followers", "User.following", "User.timeline",
	"FollowConnection.edges", "FollowConnection.nodes", "FollowConnection.pageInfo", "FollowConnection.totalCount",
	"FollowEdge.cursor", "FollowEdge.node", "FollowEdge.followedAt",
	"TimelineConnection.edges", "TimelineConnection.nodes", "TimelineConnection.pageInfo",
	"PageInfo.hasNextPage", "PageInfo.hasPreviousPage", "PageInfo.startCursor", "PageInfo.endCursor",
)

func fieldSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// place is where a selection is, as seen from an event of a home timeline.
type place int

const (
	elsewhere     place = iota
	atRoot              // the operation
	atEvent             // the event itself
	atEdge              // its edge
	atNewTweet          // the tweet of the edge
	atItsSummary        // the tweet's reactions
	atItsAuthor         // the tweet's author
	placesOfEvent       // the number of places
)

// leadsTo says which fields lead from one place of an event to another. Other fields lead elsewhere.
var leadsTo = [placesOfEvent]map[string]place{
	atRoot:       {"homeTimelineEvents": atEvent},
	atEvent:      {"edge": atEdge},
	atEdge:       {"node": atNewTweet},
	atNewTweet:   {"author": atItsAuthor, "reactions": atItsSummary},
	atItsSummary: {"subject": atNewTweet},
}

// inStanding lists the personal fields whose values follow from a model.Standing, which is part of the event's key.
var inStanding = [placesOfEvent]map[string]bool{
	atNewTweet:   fieldSet("Tweet.viewerCanDelete", "Tweet.viewerHasRetweeted"),
	atItsSummary: fieldSet("ReactionSummary.viewerReaction"),
	atItsAuthor:  fieldSet("User.isViewer", "User.viewerIsFollowing"),
}

// Personal reports whether an event of the subscription may have other fields for another viewer although its key is the same. It
// is the transport's SocketConfig.Personal.
func Personal(oc *graphql.OperationContext) bool {
	w := personalWalk{seen: map[personalSpread]bool{}}
	w.set(oc.Operation.SelectionSet, atRoot)
	return w.personal
}

type personalWalk struct {
	seen     map[personalSpread]bool
	personal bool
}

// personalSpread is a fragment at a place. Each is walked once, however often a document spreads it.
type personalSpread struct {
	fragment *ast.FragmentDefinition
	at       place
}

func (w *personalWalk) set(set ast.SelectionSet, at place) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			w.field(sel, at)
		case *ast.InlineFragment:
			w.set(sel.SelectionSet, at)
		case *ast.FragmentSpread:
			if s := (personalSpread{sel.Definition, at}); sel.Definition != nil && !w.seen[s] {
				w.seen[s] = true
				w.set(sel.Definition.SelectionSet, at)
			}
		}
	}
}

func (w *personalWalk) field(f *ast.Field, at place) {
	if f.Name == "__typename" {
		return
	}
	if f.ObjectDefinition == nil {
		w.personal = true
		return
	}
	if name := f.ObjectDefinition.Name + "." + f.Name; !impersonalFields[name] && !inStanding[at][name] {
		w.personal = true
	}
	w.set(f.SelectionSet, leadsTo[at][f.Name])
}
