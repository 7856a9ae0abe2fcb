package graph_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/domain/tweets"
	"roost/internal/ids"
)

// writing writes random operations that are valid for a schema.
type writing struct {
	*rand.Rand
	w         *world
	schema    *ast.Schema
	variables map[string]any
	declared  []string
	fragments []string
	fields    int
}

// variable declares a variable and returns its use.
func (g *writing) variable(typ string, value any) string {
	name := fmt.Sprintf("v%d", len(g.declared))
	g.declared = append(g.declared, "$"+name+": "+typ)
	g.variables[name] = value
	return "$" + name
}

func (g *writing) id() string {
	switch g.IntN(11) {
	case 0:
		return "garbage"
	case 10:
		return ids.HashtagID(tweets.HashtagID([]string{"roost", "roost1", "éλ", "nobody"}[g.IntN(4)])).String()
	case 1:
		return tweetID(12345)
	case 8:
		return g.w.retweets[g.IntN(len(g.w.retweets))]
	case 9:
		return g.w.sessions[g.IntN(len(g.w.sessions))]
	case 2, 3, 4:
		return userID(g.w.users[g.IntN(len(g.w.users))])
	default:
		return tweetID(g.w.tweets[g.IntN(len(g.w.tweets))])
	}
}

// value writes a value, or a variable that has it.
func (g *writing) value(typ string, value any) string {
	if g.IntN(2) == 0 {
		return g.variable(typ, value)
	}
	text, _ := json.Marshal(value)
	return string(text)
}

// search returns a search, which may be refused.
func (g *writing) search() string {
	return []string{"tweet", "\"says hi\" -3", "user1", "", "all éλ", "mine -tweet", "-tweet"}[g.IntN(7)]
}

func (g *writing) arguments(f *ast.FieldDefinition) string {
	var out []string
	add := func(name, value string) { out = append(out, name+": "+value) }
	for _, a := range f.Arguments {
		switch {
		case a.Name == "first" && g.IntN(3) > 0:
			add("first", g.value("Int", json.Number(fmt.Sprint(g.IntN(6)))))
		case a.Name == "last" && len(out) == 0:
			add("last", g.value("Int", json.Number(fmt.Sprint(1+g.IntN(5)))))
		case a.Name == "username":
			add("username", g.value("String!", fmt.Sprintf("user%d", g.IntN(len(g.w.users)+9))))
		case a.Name == "name":
			add("name", g.value("String!", []string{"roost", "#Roost1", "＃roost2", "éΛ", "none", ""}[g.IntN(6)]))
		case a.Name == "id":
			add("id", g.value("ID!", g.id()))
		case a.Name == "ids" || a.Name == "subjectIds":
			list := make([]any, g.IntN(7))
			for i := range list {
				list[i] = g.id()
			}
			add(a.Name, g.value("[ID!]!", list))
		case a.Name == "include" && g.IntN(4) == 0:
			add("include", []string{"[]", "[TWEETS]", "TWEETS"}[g.IntN(3)])
		case a.Name == "query":
			add("query", g.value("String!", g.search()))
		case a.Name == "matching" && g.IntN(2) == 0:
			if g.IntN(8) == 0 {
				add("matching", "null")
			} else {
				add("matching", g.value("String", g.search()))
			}
		case a.Name == "orderBy" && g.IntN(2) == 0:
			add("orderBy", []string{"NEWEST", "RELEVANT"}[g.IntN(2)])
		case a.Name == "filter" && g.IntN(2) == 0:
			add("filter", []string{"{followingOnly: true}", "{since: \"2026-01-31T09:30:00Z\"}", "null", "{authorId: \"x\"}"}[g.IntN(4)])
		case a.Name == "includeEnded" && g.IntN(2) == 0:
			add("includeEnded", g.value("Boolean", g.IntN(2) == 0))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func (g *writing) directive() string {
	if g.IntN(10) > 0 {
		return ""
	}
	return fmt.Sprintf(" @%s(if: %s)", []string{"skip", "include"}[g.IntN(2)], g.value("Boolean!", g.IntN(2) == 0))
}

// selection writes a selection of a type.
func (g *writing) selection(typ string, depth int) string {
	def := g.schema.Types[typ]
	var out []string
	for range 1 + g.IntN(5) {
		if g.fields++; g.fields > 60 {
			break
		}
		switch g.IntN(12) {
		case 0:
			out = append(out, "__typename"+g.directive())
		case 1:
			on := g.narrower(def)
			out = append(out, "... on "+on+g.directive()+" "+g.selection(on, depth))
		case 2:
			name := fmt.Sprintf("F%d", len(g.fragments))
			g.fragments = append(g.fragments, "")
			g.fragments[len(g.fragments)-1] = "" // reserves the name
			i := len(g.fragments) - 1
			g.fragments[i] = "fragment " + name + " on " + typ + " " + g.selection(typ, depth)
			out = append(out, "..."+name+g.directive(), "..."+name)
		default:
			if f := g.field(def, depth); f != "" {
				out = append(out, f)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, "__typename")
	}
	return "{ " + strings.Join(out, " ") + " }"
}

// narrower returns a type condition that may hold for objects of a type.
func (g *writing) narrower(def *ast.Definition) string {
	on := append([]string{def.Name}, def.Interfaces...)
	for _, p := range g.schema.GetPossibleTypes(def) {
		on = append(on, p.Name)
	}
	return on[g.IntN(len(on))]
}

func (g *writing) field(def *ast.Definition, depth int) string {
	var fields []*ast.FieldDefinition
	for _, f := range def.Fields {
		if !strings.HasPrefix(f.Name, "__") && (depth > 0 || !g.schema.Types[f.Type.Name()].IsCompositeType()) {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return ""
	}
	f := fields[g.IntN(len(fields))]
	text, args := f.Name, g.arguments(f)
	if args != "" || g.IntN(4) == 0 { // fields with other arguments must not have one name
		text = fmt.Sprintf("a%d: %s", g.fields, f.Name)
	}
	text += args + g.directive()
	if g.schema.Types[f.Type.Name()].IsCompositeType() {
		text += " " + g.selection(f.Type.Name(), depth-1)
	}
	return text
}

func (g *writing) document() string {
	set := g.selection("Query", 6)
	head := "query Q"
	if len(g.declared) > 0 {
		head += "(" + strings.Join(g.declared, ", ") + ")"
	}
	return head + " " + set + "\n" + strings.Join(g.fragments, "\n")
}

// textOf is a response as text, with its errors in the order of their paths: resolvers fail in any order.
func textOf(resp *graphql.Response) string {
	slices.SortFunc(resp.Errors, func(a, b *gqlerror.Error) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	text, _ := json.Marshal(resp)
	return string(text)
}
