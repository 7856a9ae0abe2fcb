package graph

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func parseSchema(t *testing.T, name, text string) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: text})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func readSchema(t *testing.T, file string) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseSchema(t, file, string(text))
}

const contractFile = "contract/core.graphqls"

// unserved lists what the contract has and this release does not serve: searches within timelines, and prepared home timelines. What is
// served is taken from this list, so that it is complete.
var unserved = []string{"Limits.homeTimelineLength"}

// reworded lists the served descriptions whose words differ from those of the contract, because they say more exactly what this release
// does.
var reworded = []string{
	"Query.reactionSummaries", "Subscription.homeTimelineEvents", "Subscription.reactionsChanged", "TimelineEntryRemoved",
	"TimelineResetReason.EVENT_LOST", "Viewer.homeTimeline",
}

// The served schema equals the contract in types, fields, arguments, defaults, values of enums, nullability, descriptions, directives and
// deprecations, apart from what the two lists say.
func TestServedSchemaKeepsTheContract(t *testing.T) {
	t.Parallel()
	d := compareSchemas(readSchema(t, contractFile), Schema(&Resolver{}).Schema())
	for _, c := range d.contradictions {
		t.Error(c)
	}
	compareLists(t, "is not served, and not listed as such", d.missing, unserved)
	compareLists(t, "is listed as not served, and is served or not in the contract", unserved, d.missing)
	compareLists(t, "has another description than in the contract", d.reworded, reworded)
	compareLists(t, "is listed with another description, and has that of the contract", reworded, d.reworded)
}

// compareLists fails the test for each item of a list that the other does not have.
func compareLists(t *testing.T, what string, list, other []string) {
	t.Helper()
	for _, item := range list {
		if !slices.Contains(other, item) {
			t.Errorf("%s %s", item, what)
		}
	}
}

// What /schema.graphqls serves is the executable schema, and the file that it was generated from.
func TestServedTextIsTheSchema(t *testing.T) {
	t.Parallel()
	served := SDL(Schema(&Resolver{}))
	if !strings.Contains(served, "IDs are opaque") {
		t.Error("the served text has no description of the schema")
	}
	if got := text(parseSchema(t, "served", served)); got != served {
		t.Errorf("the served text reads as another schema:\n%s", got)
	}
	if want := text(readSchema(t, "../schema.graphqls")); served != want {
		t.Errorf("the served text is not that of schema.graphqls; run `make generate`:\n%s", served)
	}
}

// The comparison notices every kind of contradiction, and takes what may differ.
func TestDoctoredSchemasContradictTheContract(t *testing.T) {
	t.Parallel()
	contract, served := readSchema(t, contractFile), SDL(Schema(&Resolver{}))
	_, follower, _ := strings.Cut(served, "  followers(\n")
	schemaDescription, _, _ := strings.Cut(served, "schema {")
	follower, _, _ = strings.Cut("  followers(\n"+follower, "after: String")
	for _, c := range []struct{ old, new, want string }{
		{"type Query {", "type Extra {\n  a: Int\n}\ntype Query {", "type Extra is not in the contract"},
		{"  isViewer: Boolean!", "  isViewer: Boolean!\n  \"D\"\n  isFriend: Boolean!", "User.isFriend is not in the contract"},
		{"  email: String!\n  \"\"\"\n  Tweets and retweets by", "  email: String\n  \"\"\"\n  Tweets by",
			"Viewer.email is String, the contract has String!"},
		{"  username: String!\n  \"\"\"\n  The display name.\n  \"\"\"\n  name: String!\n  \"\"\"\n  A few words about the user, plain text.",
			"  username: ID!\n  \"\"\"\n  The display name.\n  \"\"\"\n  name: String!\n  \"\"\"\n  A few words about the user, plain text.",
			"User.username is ID!, the contract has String!"},
		{"    ids: [ID!]!\n  ): [Node]!", "    ids: [ID!]!\n  ): [Node!]!", "Query.nodes is [Node!]!, the contract has [Node]!"},
		{"    ids: [ID!]!\n  ): [Node]!", "    ids: [ID]!\n  ): [Node]!", "Query.nodes(ids) is [ID]!, the contract has [ID!]!"},
		{"    id: ID!\n  ): Tweet", "    id: ID!\n    now: Int\n  ): Tweet", "Query.tweet(now) is not in the contract"},
		{"includeEnded: Boolean = false", "includeEnded: Boolean = true",
			"Viewer.sessions(includeEnded) is true by default, the contract has false"},
		{"includeEnded: Boolean = false", "includeEnded: Boolean", "Viewer.sessions(includeEnded) is nothing by default, the contract has false"},
		{follower, strings.Replace(follower, "first: Int", "first: Int = 20", 1),
			"User.followers(first) is 20 by default, the contract has nothing"},
		{"include: [TimelineContent!] = [TWEETS,RETWEETS]", "include: [TimelineContent!] = []",
			"User.timeline(include) is [] by default, the contract has [TWEETS,RETWEETS]"},
		{"tokenDelivery: TokenDelivery! = COOKIE", "tokenDelivery: TokenDelivery! = TOKEN",
			"LogInInput.tokenDelivery is TOKEN by default, the contract has COOKIE"},
		{"  bio: String\n", "  bio: String!\n", "UpdateProfileInput.bio is String!, the contract has String"},
		{"input FollowUserInput {", "input FollowUserInput {\n  \"D\"\n  quietly: Boolean", "FollowUserInput.quietly is not in the contract"},
		{"enum ReactionKind {", "enum ReactionKind {\n  \"D\"\n  LOVE", "ReactionKind.LOVE is not in the contract"},
		{"type SignUpPayload implements MutationPayload", "type SignUpPayload", "SignUpPayload does not implement MutationPayload"},
		{"type UserError {", "type UserError implements Node {\n  \"D\"\n  id: ID!", "UserError implements Node, which is not in the contract"},
		{"scalar URI @specifiedBy(url: \"https://www.rfc-editor.org/rfc/rfc3986\")", "scalar URI",
			"URI has the directives [], the contract has [@specifiedBy"},
		{"  email: String!\n  \"\"\"\n  Tweets and retweets by", "  email: String! @deprecated\n  \"\"\"\n  Tweets by",
			"Viewer.email has the directives [@deprecated"},
		{"type TimelineReset implements TimelineEvent {", "type TimelineReset {", "TimelineReset does not implement TimelineEvent"},
		{"interface Reactable implements Node {", "interface Reactable {", "Reactable does not implement Node"},
		{"scalar DateTime @specifiedBy(url: \"https://scalars.graphql.org/andimarek/date-time.html\")", "enum DateTime {\n  NOW\n}",
			"DateTime is a ENUM, the contract has SCALAR"},
		{"\"\"\"\nThe write operations.\n\"\"\"\n", "", "Mutation has no description"},
		{"type Query {", "directive @cached on FIELD\ntype Query {", "directive @cached is not in the contract"},
		{"key: String!", "key: String", "@idempotent(key) is String, the contract has String!"},
		{" on FIELD\n", " on QUERY\n", "@idempotent is on [QUERY], the contract has [FIELD]"},
		{schemaDescription, "", "the schema has no description"},
		{"\n    \"\"\"\n    The username, with or without the leading `@`.\n    \"\"\"\n", "\n", "Query.user(username) has no description"},
	} {
		if strings.Count(served, c.old) == 0 {
			t.Errorf("the served schema has no %q to change", c.old)
			continue
		}
		d := compareSchemas(contract, parseSchema(t, "doctored", strings.Replace(served, c.old, c.new, 1)))
		if !slices.ContainsFunc(d.contradictions, func(s string) bool { return strings.HasPrefix(s, c.want) }) {
			t.Errorf("%q for %q gives %q, want %q", c.new, c.old, d.contradictions, c.want)
		}
	}
}

func TestLessThanTheContractIsNoContradiction(t *testing.T) {
	t.Parallel()
	contract, served := readSchema(t, contractFile), SDL(Schema(&Resolver{}))
	for _, c := range []struct{ old, new, want string }{
		{"  isViewer: Boolean!\n", "  unused: Boolean\n", "User.isViewer"},
		{"sessions(\n", "sessions2(\n", "Viewer.sessions"},
		{"  LIKE\n", "  _\n", "ReactionKind.LIKE"},
	} {
		text := strings.Replace(served, c.old, c.new, 1)
		if text == served {
			t.Errorf("the served schema has no %q to change", c.old)
			continue
		}
		d := compareSchemas(contract, parseSchema(t, "doctored", text))
		if !slices.Contains(d.missing, c.want) {
			t.Errorf("without %s only these are missing: %q", c.want, d.missing)
		}
		if slices.ContainsFunc(d.contradictions, func(s string) bool { return strings.HasPrefix(s, c.want+" ") }) {
			t.Errorf("without %s: %q", c.want, d.contradictions)
		}
	}
	// Other words of a description are noted by themselves.
	d := compareSchemas(contract, parseSchema(t, "doctored", strings.Replace(served, "The write operations.", "What changes things.", 1)))
	if len(d.contradictions) > 0 || !slices.Contains(d.reworded, "Mutation") {
		t.Errorf("another description contradicts: %q, and is noted with %q", d.contradictions, d.reworded)
	}
}
