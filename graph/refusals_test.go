package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"roost/domain/tweets"
	"roost/internal/errs"
)

// The fields that the domain names become paths of the mutation's input.
func TestPathsOfRefusals(t *testing.T) {
	t.Parallel()
	schema := Schema(&Resolver{}).Schema()
	for _, c := range []struct{ input, field, want string }{
		{"SignUpInput", "username", "input.username"},
		{"SignUpInput", "email", "input.email"},
		{"SignUpInput", "password", "input.password"},
		{"SignUpInput", "name", "input.name"},
		{"SignUpInput", "device.token", "input.device.token"},
		{"SignUpInput", "device.name", "input.device.name"},
		{"SignUpInput", "tokenDelivery", "input.tokenDelivery"},
		{"LogInInput", "", "input"},
		{"LogInInput", "device.token", "input.device.token"},
		{"ChangePasswordInput", "currentPassword", "input.currentPassword"},
		{"ChangePasswordInput", "newPassword", "input.newPassword"},
		{"UpdateProfileInput", "name", "input.name"},
		{"UpdateProfileInput", "bio", "input.bio"},
		{"UpdateProfileInput", "website", "input.websiteUrl"},
		{"UpdateSettingsInput", "username", "input.username"},
		{"UpdateSettingsInput", "email", "input.email"},
		{"UpdateSettingsInput", "currentPassword", "input.currentPassword"},
		{"RevokeSessionInput", "session", "input.sessionId"},
		{"RevokeSessionInput", "sessionId", "input.sessionId"},
		{"FollowUserInput", "followee", "input.userId"},
		{"UnfollowUserInput", "followee", "input.userId"},
		{"CreateTweetInput", "text", "input.text"},
		{"DeleteTweetInput", "tweet", "input.tweetId"},
		{"SetReactionInput", "tweet", "input.subjectId"},
		{"", "session", ""},
	} {
		var field []string
		if c.field != "" {
			field = strings.Split(c.field, ".")
		}
		path := inputPath(c.input, field)
		if got := strings.Join(path, "."); path == nil || got != c.want {
			t.Errorf("the field %q of %s has the path %q, want %q", c.field, c.input, got, c.want)
		}
		if c.input != "" && !isInputPath(schema, c.input, path[1:]) {
			t.Errorf("%s has no field %v", c.input, path[1:])
		}
	}
}

// isInputPath reports whether a path leads to a field of an input type.
func isInputPath(schema *ast.Schema, input string, path []string) bool {
	for _, name := range path {
		f := schema.Types[input].Fields.ForName(name)
		if f == nil {
			return false
		}
		input = f.Type.Name()
	}
	return true
}

// Every entry of the table names an input type of a mutation and a field that it has, and translates something.
func TestInputFieldsAreInTheSchema(t *testing.T) {
	t.Parallel()
	schema := Schema(&Resolver{}).Schema()
	var inputs []string
	for _, m := range schema.Mutation.Fields {
		if arg := m.Arguments.ForName("input"); arg != nil {
			inputs = append(inputs, arg.Type.Name())
		}
	}
	for input, fields := range inputFields {
		if !slices.Contains(inputs, input) {
			t.Errorf("no mutation has the input %s", input)
			continue
		}
		for domain, name := range fields {
			if domain == name || !isInputPath(schema, input, []string{name}) {
				t.Errorf("%s: the domain's %s is not the field %s", input, domain, name)
			}
		}
	}
}

// Refusals become userErrors in their order, with code, message, path and limit; faults stay errors.
func TestRefusals(t *testing.T) {
	t.Parallel()
	list := errs.List{errs.New(errs.NotAllowed, "no", "tweet"), tweets.Check(strings.Repeat("x", tweets.MaxLength+1))}
	got, err := refusals("DeleteTweetInput", list)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d refusals, %v", len(got), err)
	}
	if e := got[0]; e.Code != "FORBIDDEN" || e.Message != "no" || !slices.Equal(e.Path, []string{"input", "tweetId"}) || e.Limit != nil {
		t.Errorf("the first is %+v", e)
	}
	if e := got[1]; e.Code != "TOO_LONG" || !slices.Equal(e.Path, []string{"input", "text"}) || e.Limit == nil ||
		*e.Limit != tweets.MaxLength {
		t.Errorf("the second is %+v", e)
	}
	fault := errs.New(errs.Unavailable, "busy")
	if got, err := refusals("DeleteTweetInput", fault); err != fault || got == nil || len(got) != 0 {
		t.Errorf("a fault gives %v, %v", got, err)
	}
}
