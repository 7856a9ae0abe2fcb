// Package document lets packages keep what they compute from a GraphQL document for as long as the server keeps the document.
package document

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// Slot is a place for one value that belongs to a document, such as the plans of its operations. The value goes when the server
// drops the document. It is safe for concurrent use.
type Slot struct {
	once  sync.Once
	value any
}

// Value returns the value, which the first call makes.
func (s *Slot) Value(newValue func() any) any {
	s.once.Do(func() { s.value = newValue() })
	return s.value
}

// key is where an operation's statistics hold the slot.
const key = "document"

// With sets the slot of an operation's document.
func With(s *graphql.Stats, slot *Slot) { s.SetExtension(key, slot) }

// Of returns the slot of an operation's document, nil if the server does not keep the document.
func Of(op *graphql.OperationContext) *Slot {
	slot, _ := op.Stats.GetExtension(key).(*Slot)
	return slot
}
