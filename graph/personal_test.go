package graph

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// Each field that an event of a home timeline or of counts can contain is listed as personal or as impersonal. A field that is
// listed wrongly as impersonal is sent to viewers for whom it has another value; see TestEventsAreMadeOnceForAllViewers.
func TestEveryFieldOfEventsIsListed(t *testing.T) {
	t.Parallel()
	personal := fieldSet("Tweet.viewerCanDelete", "Tweet.viewerHasRetweeted", "Tweet.replies", "ReactionSummary.viewerReaction",
		"User.isViewer", "User.viewerIsFollowing", "User.isFollowingViewer")
	schema := Schema(&Resolver{}).Schema()
	reached := map[string]bool{}
	var reach func(d *ast.Definition)
	reach = func(d *ast.Definition) {
		if reached[d.Name] {
			return
		}
		reached[d.Name] = true
		for _, possible := range schema.PossibleTypes[d.Name] {
			if possible.Name != d.Name && (d.Name == "TimelineEvent" || d.Name == "Reactable") {
				reach(possible)
			}
		}
		for _, f := range d.Fields {
			if name := d.Name + "." + f.Name; impersonalFields[name] == personal[name] {
				t.Errorf("%s: listed as impersonal %t, as personal %t", name, impersonalFields[name], personal[name])
			}
			delete(personal, d.Name+"."+f.Name)
			if to := schema.Types[f.Type.Name()]; to.IsCompositeType() {
				reach(to)
			}
		}
	}
	for _, name := range []string{"homeTimelineEvents", "reactionsChanged", "replyAdded"} {
		reach(schema.Types[schema.Subscription.Fields.ForName(name).Type.Name()])
	}
	for name := range personal {
		t.Errorf("no event has the personal field %s", name)
	}
}

// Fields whose values follow from an event's key are not personal at the places that the key is about; elsewhere they are.
func TestPersonalEvents(t *testing.T) {
	t.Parallel()
	schema := Schema(&Resolver{}).Schema()
	const home, node = "subscription{homeTimelineEvents{cursor ...on TimelineEntryAdded{edge{", "}}}}"
	for document, want := range map[string]bool{
		home + "cursor node{id text url createdAt author{name tweetCount}}" + node:                                  false,
		home + "node{viewerCanDelete reactions{likeCount viewerReaction}author{isViewer viewerIsFollowing}}" + node: false,
		home + "node{reactions{subject{...on Tweet{viewerCanDelete author{viewerIsFollowing}}}}}" + node:            false,
		home + "node{viewerHasRetweeted retweetCount}" + node:                                                       false,
		home + "node{retweets(first:2){nodes{tweet{viewerHasRetweeted}}}}" + node:                                   true,
		home + "node{author{isFollowingViewer}}" + node:                                                             true,
		home + "node{author{followers(first:2){nodes{name __typename}}}}" + node:                                    false,
		home + "node{author{followers(first:2){nodes{viewerIsFollowing}}}}" + node:                                  true,
		home + "node{author{timeline(first:2){nodes{viewerCanDelete}}}}" + node:                                     true,
		home + "node{author{timeline(first:2){nodes{author{isViewer}}}}}" + node:                                    true,
		home + "node{author{timeline(first:2){nodes{reactions{viewerReaction}}}}}" + node:                           true,
		home + "node{...t}" + node + " fragment t on Tweet{author{...u}} fragment u on User{viewerIsFollowing}":     false,
		// One fragment at two places.
		home + "node{author{...u followers(first:1){nodes{...u}}}}" + node + " fragment u on User{isViewer}": true,
		"subscription{reactionsChanged(subjectIds:[]){id reactions{likeCount revision}}}":                    false,
		"subscription{reactionsChanged(subjectIds:[]){...on Tweet{text author{name}}}}":                      false,
		"subscription{reactionsChanged(subjectIds:[]){reactions{viewerReaction}}}":                           true,
		"subscription{reactionsChanged(subjectIds:[]){...on Tweet{author{isViewer}}}}":                       true,
		"subscription{sessionEnded{reason}}":                                                                 true,
	} {
		doc, errs := gqlparser.LoadQueryWithRules(schema, document, nil)
		if errs != nil {
			t.Errorf("%s: %v", document, errs)
			continue
		}
		oc := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: map[string]any{}}
		if got := Personal(oc); got != want {
			t.Errorf("%s: personal %t, want %t", document, got, want)
		}
	}
}
