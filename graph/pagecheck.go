package graph

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/words"
)

// Pages is the extension that refuses operations with invalid paging arguments before anything is read, with BAD_REQUEST and
// the reason PAGE_SIZE or BAD_CURSOR, and searches that ask for nothing or too much, with BAD_REQUEST. A field that refused its
// arguments itself would null the object that it belongs to. On its way through the document it also refuses @idempotent at fields
// that do not take it.
type Pages struct{}

var (
	_ graphql.HandlerExtension        = Pages{}
	_ graphql.OperationContextMutator = Pages{}
)

// ExtensionName is part of graphql.HandlerExtension.
func (Pages) ExtensionName() string { return "Pages" }

// Validate is called when the extension is installed.
func (Pages) Validate(graphql.ExecutableSchema) error { return nil }

// ChecksDocument marks Pages as a check that changes nothing and depends on the document and its variables alone.
func (Pages) ChecksDocument() {}

// MutateOperationContext looks at the arguments of every list that the operation selects.
func (Pages) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	c := pageCheck{variables: oc.Variables, seen: map[string]bool{}}
	return c.set(oc.Operation.SelectionSet)
}

// pagedFields are the fields with paging arguments, and how these are read.
var pagedFields = map[string]func(raw map[string]any) error{
	"Query.searchTweets":              checkTweetSearch,
	"Query.searchUsers":               checkUserSearch,
	"Viewer.homeTimeline":             searchedWindow(cursors.Home),
	"User.followers":                  window(cursors.Followers),
	"User.following":                  window(cursors.Following),
	"User.timeline":                   searchedWindow(cursors.Timeline),
	"Tweet.retweets":                  window(cursors.Retweets),
	"Hashtag.tweets":                  window(cursors.Hashtag),
	"Tweet.replies":                   repliesWindow,
	"Subscription.homeTimelineEvents": eventWindow,
	"Subscription.replyAdded":         replyWindow,
}

func window(kind cursors.Kind) func(raw map[string]any) error {
	return func(raw map[string]any) error {
		_, err := pagingArgs(raw).Window(kind)
		return err
	}
}

// searchedWindow is window for a list that can be searched.
func searchedWindow(kind cursors.Kind) func(raw map[string]any) error {
	return func(raw map[string]any) error {
		if err := window(kind)(raw); err != nil {
			return err
		}
		_, err := matchingOf(raw["matching"])
		return err
	}
}

// matchingOf reads an argument `matching` that gqlgen has validated but not decoded; null is no search, and returned as "". It refuses what
// searchTweets refuses. What is no text is left to the field.
func matchingOf(raw any) (string, error) {
	if raw == nil {
		return "", nil
	}
	text, err := graphql.UnmarshalString(raw)
	if err != nil {
		return "", nil
	}
	_, err = words.Parse(text)
	return text, err
}

func repliesWindow(raw map[string]any) error {
	name, _ := raw["orderBy"].(string)
	kind, _ := repliesIn((*model.ReplyOrder)(&name))
	return window(kind)(raw)
}

func eventWindow(raw map[string]any) error {
	args := pagingArgs(raw)
	if args.After == nil {
		return nil
	}
	_, err := seenBy(*args.After, 0)
	return err
}

func replyWindow(raw map[string]any) error {
	args := pagingArgs(raw)
	if args.After == nil {
		return nil
	}
	_, err := replyAt(*args.After)
	return err
}

// pageCheck checks the fields of an operation, and those of each fragment once: the arguments in a fragment do not depend on
// where it is spread.
type pageCheck struct {
	variables map[string]any
	seen      map[string]bool
}

func (c *pageCheck) set(set ast.SelectionSet) *gqlerror.Error {
	for _, selection := range set {
		if err := c.selection(selection); err != nil {
			return err
		}
	}
	return nil
}

func (c *pageCheck) selection(selection ast.Selection) *gqlerror.Error {
	switch s := selection.(type) {
	case *ast.Field:
		if !c.included(s.Directives) {
			return nil
		}
		if err := misplaced(s); err != nil {
			return err
		}
		if err := c.field(s); err != nil {
			return err
		}
		return c.set(s.SelectionSet)
	case *ast.InlineFragment:
		if c.included(s.Directives) {
			return c.set(s.SelectionSet)
		}
	case *ast.FragmentSpread:
		if !c.seen[s.Name] && c.included(s.Directives) {
			c.seen[s.Name] = true
			return c.set(s.Definition.SelectionSet)
		}
	}
	return nil
}

// included reports whether @skip and @include keep a selection.
func (c *pageCheck) included(list ast.DirectiveList) bool { return included(list, c.variables) }

func included(list ast.DirectiveList, variables map[string]any) bool {
	for _, d := range list {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		if on, ok := d.ArgumentMap(variables)["if"].(bool); ok && on == (d.Name == "skip") {
			return false
		}
	}
	return true
}

func (c *pageCheck) field(f *ast.Field) *gqlerror.Error {
	if f.ObjectDefinition == nil || len(f.Arguments) == 0 {
		return nil
	}
	check, paged := pagedFields[f.ObjectDefinition.Name+"."+f.Name]
	if !paged {
		return nil
	}
	err := check(f.ArgumentMap(c.variables))
	e, ours := errors.AsType[*errs.Error](err)
	if !ours {
		return nil
	}
	out := &gqlerror.Error{Message: e.Message, Extensions: map[string]any{"code": e.Kind.Code()}}
	if e.Reason != "" {
		out.Extensions["reason"] = e.Reason
	}
	out.Locations = locations(f.Position)
	return out
}

func locations(p *ast.Position) []gqlerror.Location {
	if p == nil {
		return nil
	}
	return []gqlerror.Location{{Line: p.Line, Column: p.Column}}
}
