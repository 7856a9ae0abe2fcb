package server

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/server/document"
)

// documents keeps the most recently used documents that have been parsed, checked and validated, by their text, and those that
// clients ask for by a hash also by this hash. A parsed document can be a hundred times as large as its text, so documents bounds
// the number of nodes in the documents' trees as well as the number of documents.
type documents struct {
	mu       sync.Mutex
	entries  *simplelru.LRU[string, *entry]
	byHash   map[[sha256.Size]byte]*entry
	nodes    int
	maxNodes int
	maxText  int

	// These are the documents that the operator has given the node, by their text and by each of their identifiers. They are always
	// kept, beyond the bounds, and do not change once the server has been built.
	pinned map[string]*entry
	byID   map[string]*entry
	// pinning is the document that is being checked while the server is built, nil else.
	pinning *entry
}

// entry is one document with everything that is computed from it once.
type entry struct {
	text       string
	doc        *ast.QueryDocument
	nodes      int
	operations []preparedOperation // in the order of the document
	slot       document.Slot       // for what others compute from it

	// These are set under the lock of documents when a client has asked for the document by its hash. A pinned document has them from
	// the beginning.
	binary     [sha256.Size]byte
	hash       string         // in hex; empty without one
	extensions map[string]any // of a request that has nothing but the hash
}

// preparedOperation is an operation of a document, with the template of its contexts once it has passed all checks.
type preparedOperation struct {
	template atomic.Pointer[template]
}

var _ graphql.Cache[*ast.QueryDocument] = (*documents)(nil)

func newDocuments(cfg Config) (*documents, error) {
	c := &documents{maxNodes: cfg.QueryCacheNodes, maxText: cfg.QueryCacheText, byHash: map[[sha256.Size]byte]*entry{},
		pinned: map[string]*entry{}, byID: map[string]*entry{}}
	entries, err := simplelru.NewLRU(cfg.QueryCacheEntries, func(_ string, d *entry) { c.removed(d) })
	c.entries = entries
	return c, err
}

// removed is called for each document that is not kept any longer.
func (c *documents) removed(d *entry) {
	c.nodes -= d.nodes
	if d.hash != "" {
		delete(c.byHash, d.binary)
	}
}

// Get returns the parsed document of a text.
func (c *documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	if d := c.withText(text); d != nil {
		return d.doc, true
	}
	return nil, false
}

// withText returns the document of a text, nil if it is not kept.
func (c *documents) withText(text string) *entry {
	if d := c.pinned[text]; d != nil {
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d, _ := c.entries.Get(text)
	return d
}

// withHash returns the document that clients have asked for by a hash, nil if it is not kept.
func (c *documents) withHash(hash [sha256.Size]byte) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.byHash[hash]
	if d != nil {
		c.entries.Get(d.text) // it has been used
	}
	return d
}

// setHash notes that clients ask for a document by its hash.
func (c *documents) setHash(text string, hash [sha256.Size]byte, hex string, extensions map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.entries.Get(text)
	if !ok || d.hash != "" {
		return
	}
	d.binary, d.hash, d.extensions = hash, hex, extensions
	c.byHash[hash] = d
}

// Add keeps a document, unless its text is too long.
func (c *documents) Add(_ context.Context, text string, doc *ast.QueryDocument) {
	if d := c.pinning; d != nil && d.text == text {
		d.doc, d.nodes, d.operations = doc, weigh(doc), make([]preparedOperation, len(doc.Operations))
		c.pinned[text] = d
		return
	}
	if len(text) > c.maxText {
		return
	}
	d := &entry{text: text, doc: doc, nodes: weigh(doc), operations: make([]preparedOperation, len(doc.Operations))}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.nodes > c.maxNodes || c.entries.Contains(text) {
		return
	}
	c.nodes += d.nodes
	c.entries.Add(text, d)
	for c.nodes > c.maxNodes {
		c.entries.RemoveOldest()
	}
}

// operation returns the state of an operation of the document, nil if it is of another document.
func (d *entry) operation(op *ast.OperationDefinition) *preparedOperation {
	for i, o := range d.doc.Operations {
		if o == op {
			return &d.operations[i]
		}
	}
	return nil
}
