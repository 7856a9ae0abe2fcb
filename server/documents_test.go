package server

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/server/document"
)

// What belongs to a document stays while the document is kept, and goes with it; so does its hash. Documents that are not kept have
// no slot.
func TestSlotsGoWithTheirDocuments(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, func(c *Config) { c.QueryCacheEntries, c.QueryCacheText = 2, 100 })
	exec, err := s.newExecutor()
	if err != nil {
		t.Fatal(err)
	}
	slot := func(text string) *document.Slot {
		op, list := exec.CreateOperationContext(graphql.StartOperationTrace(t.Context()), &graphql.RawParams{Query: text})
		if list != nil {
			t.Fatal(list)
		}
		return document.Of(op)
	}
	first, hash := slot("{hello}"), sha256.Sum256([]byte("{hello}"))
	exec.documents.setHash("{hello}", hash, fmt.Sprintf("%x", hash), nil)
	if first == nil || first.Value(func() any { return 1 }) != 1 {
		t.Fatal("there is no slot")
	}
	if again := slot("{hello}"); again != first || again.Value(func() any { return 2 }) != 1 {
		t.Error("the slot of the same document is another one")
	}
	if exec.documents.withHash(hash) == nil {
		t.Error("the document is not found by its hash")
	}
	slot("{a:hello}")
	slot("{b:hello}")
	if exec.documents.withHash(hash) != nil || len(exec.documents.byHash) != 0 {
		t.Error("a document that is not kept is found by its hash")
	}
	if slot("{hello}") == first {
		t.Error("the slot outlives its document")
	}
	if slot("{hello}"+strings.Repeat(" ", 100)) != nil {
		t.Error("a document that is too long has a slot")
	}
}
