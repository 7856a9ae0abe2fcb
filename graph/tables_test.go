package graph

import (
	"maps"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/graph/plan"
	"roost/internal/cursors"
	"roost/server/document"
)

// cold are the fields that no plan answers: gqlgen has introspection, and subscriptions are streams.
var cold = []string{"Query.__schema", "Query.__type"}

// Every field of the schema is in a table, or in the list of cold ones, and no table has a field that the schema has not.
func TestEveryFieldIsInATable(t *testing.T) {
	t.Parallel()
	tables := map[string][]string{
		"Query": fieldsOf(query), "Limits": fieldsOf(limits), "RateLimit": fieldsOf(rateLimit),
		"Viewer": fieldsOf(viewer), "User": fieldsOf(user), "Tweet": fieldsOf(tweet),
		"ReactionSummary": fieldsOf(summary), "Session": fieldsOf(session), "HomeTimelineConnection": fieldsOf(homeConnection),
		"TimelineConnection": fieldsOf(timelineConnection), "TimelineEdge": fieldsOf(homeEdges), "UserError": fieldsOf(userErrors),
		"FollowConnection": fieldsOf(followersConnection), "FollowEdge": fieldsOf(followEdgeTable(cursors.Followers)),
		"RetweetConnection": fieldsOf(retweetConnection), "RetweetEdge": fieldsOf(retweetEdge), "Retweet": fieldsOf(retweet),
		"Hashtag": fieldsOf(hashtag), "TweetConnection": fieldsOf(hashtagTweets),
		"TweetEdge":     fieldsOf(tweetEdgeTable(cursors.Hashtag)),
		"HashtagEntity": fieldsOf(hashtagEntity), "MentionEntity": fieldsOf(mentionEntity), "LinkEntity": fieldsOf(linkEntity),
		"UserConnection": fieldsOf(usersFoundTable), "UserEdge": fieldsOf(userFoundEdge),
		"PageInfo": fieldsOf(pageInfoTable(cursors.Followers, followersPage)),
	}
	for name, found := range map[string][]string{"TweetConnection": fieldsOf(tweetsFoundTable), "TweetEdge": fieldsOf(tweetFoundEdge)} {
		slices.Sort(found)
		if listed := slices.Sorted(slices.Values(tables[name])); !slices.Equal(found, listed) {
			t.Errorf("%s has %v in lists and %v in searches", name, listed, found)
		}
	}
	schema := offered()
	for _, f := range schema.Mutation.Fields {
		tables[f.Type.Name()] = nil // below: each payload has the fields of all
	}
	for name, def := range schema.Types {
		if def.Kind != ast.Object || def.BuiltIn || def == schema.Mutation || def == schema.Subscription || isEvent(def) {
			continue
		}
		fields, ok := tables[name]
		if !ok {
			t.Errorf("%s has no table", name)
			continue
		}
		if payload := payloadTypes[name]; payload != nil {
			fields = fieldsOf(payload)
		}
		for _, f := range def.Fields {
			if !slices.Contains(fields, f.Name) && !slices.Contains(cold, name+"."+f.Name) {
				t.Errorf("no table has %s.%s", name, f.Name)
			}
			fields = slices.DeleteFunc(fields, func(n string) bool { return n == f.Name })
		}
		if len(fields) > 0 && payloadTypes[name] == nil {
			t.Errorf("the table of %s has %v, which the schema has not", name, fields)
		}
	}
}

// isEvent reports whether a type is an event of a subscription.
func isEvent(def *ast.Definition) bool {
	return slices.Contains(def.Interfaces, "TimelineEvent") || def.Name == "SessionEnded"
}

func fieldsOf[K comparable](t *plan.Type[K]) []string { return slices.Collect(maps.Keys(t.Fields)) }

// A document keeps at most so many plans, whatever the values of its conditions.
func TestPlansOfADocumentAreBounded(t *testing.T) {
	t.Parallel()
	doc, errs := gqlparser.LoadQueryWithRules(offered(), `query($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!, $e: Boolean!) {
		limits { pageSize @skip(if: $a)
			batchSize @skip(if: $b) bioLength @skip(if: $c) nameLength @include(if: $d) tweetLength @skip(if: $e) } }`, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	p, slot := NewPlans(PlansConfig{}), new(document.Slot)
	of := func(mask int) *plan.Plan {
		vars := map[string]any{}
		for i, name := range []string{"a", "b", "c", "d", "e"} {
			vars[name] = mask>>i&1 == 1
		}
		oc := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: vars}
		document.With(&oc.Stats, slot)
		return p.of(oc, nil)
	}
	different := map[*plan.Plan]bool{}
	for mask := range 32 {
		different[of(mask)] = true
	}
	if last := of(31); !different[last] {
		t.Error("the plan that was used last is made again")
	}
	if n := slot.Value(nil).(*documentPlans).variants.Len(); n != maxVariants || len(different) != 32 {
		t.Errorf("%d plans are kept of %d", n, len(different))
	}
}

// The results of package plan are among the outcomes, by the same names.
func TestOutcomesHaveTheResultsOfPlans(t *testing.T) {
	t.Parallel()
	for i, r := range []plan.Result{plan.Answered, plan.Failed, plan.Refused, plan.NullInPlace, plan.TooLarge} {
		if Outcomes[i] != Outcome(r.String()) {
			t.Errorf("the outcome %q is that of the result %q", Outcomes[i], r)
		}
	}
}
