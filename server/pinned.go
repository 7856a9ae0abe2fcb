package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"roost/internal/caller"
	"roost/server/document"
	"roost/server/transport"
)

// DocumentsError names each of Config.Documents that no client could run, and says why.
type DocumentsError struct{ error }

// DocumentPreparer is an extension that computes something from an operation before anybody asks for it. The context of the operation
// has no values of variables but their defaults.
type DocumentPreparer interface {
	PrepareOperation(op *graphql.OperationContext)
}

// pinned returns the pinned document that a request names.
func (o *operations) pinned(r *transport.Request) *entry {
	if r.ID != nil {
		return o.documents.byID[string(r.ID)] // which makes no string
	}
	var id [len(transport.SHA256Prefix) + 2*sha256.Size]byte
	hex.Encode(id[copy(id[:], transport.SHA256Prefix):], r.Hash[:])
	return o.documents.byID[string(id[:])]
}

// stored returns the document that clients have sent with its hash, nil if it is not kept.
func (o *operations) stored(ctx context.Context, hash [sha256.Size]byte) *entry {
	if o.documentsOnly {
		return nil
	}
	d := o.documents.withHash(hash)
	if d == nil {
		return nil
	}
	if o.isSpent(ctx) { // no store is asked for a caller who can only run what costs nothing
		return d
	}
	// The store decides which hashes are answered, and notes that this one is used.
	if text, ok := o.queries.Get(ctx, d.hash); !ok || text != d.text {
		return nil
	}
	return d
}

// document returns the text of a pinned document.
func (o *operations) document(id string) (string, bool) {
	d := o.documents.byID[id]
	if d == nil {
		return "", false
	}
	return d.text, true
}

// pin checks the operator's documents and prepares them, so that the first request for one costs no more than the next. The error names
// every document that no client could run.
func (o *operations) pin(list []PersistedDocument) error {
	ctx := graphql.StartOperationTrace(caller.With(context.Background(), caller.New(1, 1))) // whose limits are the higher ones
	var faults []error
	for _, doc := range list {
		if err := o.pinOne(ctx, doc); err != nil {
			faults = append(faults, fmt.Errorf("the document %s: %w", doc, err))
		}
	}
	if faults != nil {
		return DocumentsError{errors.Join(faults...)}
	}
	return nil
}

func (o *operations) pinOne(ctx context.Context, doc PersistedDocument) error {
	d := o.documents.pinned[doc.Text]
	if d == nil {
		hash := sha256.Sum256([]byte(doc.Text))
		r := transport.Request{Hash: hash}
		d = &entry{text: doc.Text, binary: hash}
		d.hash, d.extensions = r.Persisted()
	}
	ids := o.documents.byID
	for _, id := range []string{doc.ID, transport.SHA256Prefix + d.hash} {
		if known := ids[id]; known != nil && known.text != doc.Text {
			return errors.New("there is another document with this id")
		}
		ids[id] = d
	}
	if d.doc != nil { // under another identifier, too
		return nil
	}
	if err := doc.check(); err != nil {
		return err
	}
	o.documents.pinning = d
	op, list := o.Executor.CreateOperationContext(ctx, (&transport.Request{ID: []byte(doc.ID)}).Params())
	o.documents.pinning = nil
	if d.doc == nil {
		return said(list)
	}
	for _, def := range d.doc.Operations {
		if err := o.prepare(ctx, doc.ID, d, def, op); err != nil {
			if len(d.doc.Operations) > 1 {
				err = fmt.Errorf("%s: %w", def.Name, err)
			}
			return err
		}
	}
	return nil
}

// prepare checks an operation of a pinned document as far as that is possible without its variables, and makes its template. like is a
// context that the executor has made of the document.
func (o *operations) prepare(ctx context.Context, id string, d *entry, def *ast.OperationDefinition, like *graphql.OperationContext) error {
	if err := o.guard.CheckLeast(def); err != nil {
		return errors.New(err.Message)
	}
	op := &graphql.OperationContext{
		RawQuery: d.text, OperationName: def.Name, Doc: d.doc, Operation: def, DisableIntrospection: o.hidden,
		RecoverFunc: like.RecoverFunc, ResolverMiddleware: like.ResolverMiddleware, RootResolverMiddleware: like.RootResolverMiddleware,
	}
	if len(def.VariableDefinitions) == 0 {
		r := transport.Request{ID: []byte(id), OperationName: def.Name}
		var list gqlerror.List
		if op, list = o.CreateOperationContext(ctx, r.Params()); list != nil {
			return said(list)
		}
	} else {
		op.Variables, _ = validator.VariableValues(o.schema, def, nil) // fails for variables that every request must set
		o.keep(op)
	}
	document.With(&op.Stats, &d.slot)
	for _, p := range o.preparers {
		p.PrepareOperation(op)
	}
	return nil
}

// said returns what a list of errors says, on one line.
func said(list gqlerror.List) error {
	var all []string
	for _, err := range list {
		text := err.Message
		if len(err.Locations) > 0 {
			text = fmt.Sprintf("line %d, column %d: %s", err.Locations[0].Line, err.Locations[0].Column, text)
		}
		all = append(all, text)
	}
	return errors.New(strings.Join(all, "; "))
}
