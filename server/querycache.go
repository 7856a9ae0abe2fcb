package server

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"
)

// queryCache keeps the most recently used parsed and validated documents by their text. A parsed document can be a hundred
// times as large as its text, so the cache bounds the number of nodes in the documents' trees as well as the number of documents.
type queryCache struct {
	mu       sync.Mutex
	entries  *simplelru.LRU[string, weighed]
	nodes    int
	maxNodes int
	maxText  int
}

type weighed struct {
	doc   *ast.QueryDocument
	nodes int
}

var _ graphql.Cache[*ast.QueryDocument] = (*queryCache)(nil)

func newQueryCache(cfg Config) (*queryCache, error) {
	c := &queryCache{maxNodes: cfg.QueryCacheNodes, maxText: cfg.QueryCacheText}
	entries, err := simplelru.NewLRU(cfg.QueryCacheEntries, func(_ string, w weighed) { c.nodes -= w.nodes })
	c.entries = entries
	return c, err
}

// Get returns the parsed document of a text.
func (c *queryCache) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.entries.Get(text)
	return w.doc, ok
}

// Add keeps a document, unless its text is too long.
func (c *queryCache) Add(_ context.Context, text string, doc *ast.QueryDocument) {
	if len(text) > c.maxText {
		return
	}
	w := weighed{doc: doc, nodes: weigh(doc)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.nodes > c.maxNodes || c.entries.Contains(text) {
		return
	}
	c.nodes += w.nodes
	c.entries.Add(text, w)
	for c.nodes > c.maxNodes {
		c.entries.RemoveOldest()
	}
}

// weigh counts the nodes of a document's tree.
func weigh(doc *ast.QueryDocument) int {
	n := 1
	for _, op := range doc.Operations {
		n += 1 + len(op.VariableDefinitions) + weighDirectives(op.Directives) + weighSet(op.SelectionSet)
		for _, v := range op.VariableDefinitions {
			n += weighValue(v.DefaultValue) + weighDirectives(v.Directives)
		}
	}
	for _, f := range doc.Fragments {
		n += 1 + weighDirectives(f.Directives) + weighSet(f.SelectionSet)
	}
	return n
}

func weighSet(set ast.SelectionSet) int {
	n := len(set)
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			n += weighArguments(sel.Arguments) + weighDirectives(sel.Directives) + weighSet(sel.SelectionSet)
		case *ast.InlineFragment:
			n += weighDirectives(sel.Directives) + weighSet(sel.SelectionSet)
		case *ast.FragmentSpread:
			n += weighDirectives(sel.Directives)
		}
	}
	return n
}

func weighDirectives(list ast.DirectiveList) int {
	n := len(list)
	for _, d := range list {
		n += weighArguments(d.Arguments)
	}
	return n
}

func weighArguments(list ast.ArgumentList) int {
	n := len(list)
	for _, a := range list {
		n += weighValue(a.Value)
	}
	return n
}

func weighValue(v *ast.Value) int {
	if v == nil {
		return 0
	}
	n := 1 + len(v.Children)
	for _, child := range v.Children {
		n += weighValue(child.Value)
	}
	return n
}
