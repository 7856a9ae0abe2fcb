package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// DefaultMaxPersisted is the longest document that is stored under its hash, in bytes.
const DefaultMaxPersisted = 16 << 10

// PersistedQueries keeps documents under the SHA-256 of their text, in lower-case hex. It may forget any
// of them at any time and must bound what it keeps; both methods answer within the deadline of ctx.
type PersistedQueries interface {
	Get(ctx context.Context, hash string) (query string, ok bool)
	Put(ctx context.Context, hash, query string)
}

// Persisted is the gqlgen extension for documents that clients name instead of sending them: by `documentId`, as the appendix "Persisted
// Documents" of GraphQL over HTTP describes it, and by automatic persisted queries, in the protocol of Apollo: a client
// sends the hash of its document; if that is unknown it sends both, once. Only documents that passed the
// limits on documents and validation are kept. It has to come before the guard among extensions, which
// looks at the document that was found.
type Persisted struct {
	Store PersistedQueries
	// Document returns the text of a document that the operator has given the node, under an identifier; nil has none. Other
	// documents are looked for in Store, if the identifier has the hash of the text.
	Document func(id string) (text string, ok bool)
	// Refuse, if it is not nil, is asked before Store is. It returns why nothing is to be done for the caller, or nil.
	Refuse func(ctx context.Context) *errs.Error
	// KeepLater leaves it to the owner to call Keep, once it is certain that the operation runs.
	KeepLater bool
	// Only refuses every request that brings its document, and asks nothing of Store.
	Only bool
	// MaxBytes is the longest document to keep; longer ones run, and are sent in full each time. 0 is
	// DefaultMaxPersisted.
	MaxBytes int
}

var (
	_ graphql.OperationParameterMutator = Persisted{}
	_ graphql.OperationContextMutator   = Persisted{}
)

// ExtensionName is how gqlgen refers to the extension in errors.
func (Persisted) ExtensionName() string { return "PersistedQueries" }

// Validate fails without a store.
func (p Persisted) Validate(graphql.ExecutableSchema) error {
	if p.Store == nil {
		return errors.New("persisted queries need a store")
	}
	return nil
}

// hashToKeep is where an operation's statistics hold the hash under which its document is to be kept.
const hashToKeep = "persistedQueryHash"

// MutateOperationParameters replaces the name of a document by the document.
func (p Persisted) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if id, named := takeDocumentID(params); named {
		return p.named(ctx, params, id)
	}
	raw := params.Extensions["persistedQuery"]
	if p.Only && (params.Query != "" || raw == nil) {
		return ToGraphQL(errOnly())
	}
	if raw == nil {
		return nil
	}
	hash, err := persistedHash(raw)
	if err != nil {
		return ToGraphQL(err)
	}
	if params.Query == "" {
		query, err := p.find(ctx, SHA256Prefix+hash, "PersistedQueryNotFound")
		if err != nil {
			return ToGraphQL(err)
		}
		params.Query = query
		return nil
	}
	if hashOf(params.Query) != hash {
		return ToGraphQL(errs.New(errs.BadRequest, "the hash is not that of the query"))
	}
	graphql.GetOperationContext(ctx).Stats.SetExtension(hashToKeep, hash)
	return nil
}

// named replaces an identifier by its document.
func (p Persisted) named(ctx context.Context, params *graphql.RawParams, id string) *gqlerror.Error {
	query, err := p.find(ctx, id, "there is no document with this `documentId`")
	if err != nil {
		return ToGraphQL(err)
	}
	params.Query = query
	return nil
}

// find returns the document with an identifier. missing is the message of the error if there is none.
func (p Persisted) find(ctx context.Context, id, missing string) (string, *errs.Error) {
	if p.Document != nil {
		if query, ok := p.Document(id); ok {
			return query, nil
		}
	}
	hash, isHash := strings.CutPrefix(id, SHA256Prefix)
	if p.Only || !isHash {
		return "", errs.New(errs.PersistedQueryNotFound, missing)
	}
	if p.Refuse != nil {
		if err := p.Refuse(ctx); err != nil {
			return "", err
		}
	}
	query, ok := p.Store.Get(ctx, hash)
	if !ok || hashOf(query) != hash { // a store's mistake is a miss, never another document
		return "", errs.New(errs.PersistedQueryNotFound, missing)
	}
	return query, nil
}

// MutateOperationContext keeps a document that came with its hash and is valid.
func (p Persisted) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if !p.KeepLater {
		p.Keep(ctx, op)
	}
	return nil
}

// Keep keeps the document of an operation if it came with its hash.
func (p Persisted) Keep(ctx context.Context, op *graphql.OperationContext) {
	limit := p.MaxBytes
	if limit == 0 {
		limit = DefaultMaxPersisted
	}
	if hash, ok := op.Stats.GetExtension(hashToKeep).(string); ok && len(op.RawQuery) <= limit {
		p.Store.Put(ctx, hash, op.RawQuery)
	}
}

// persistedHash reads extensions.persistedQuery.
func persistedHash(raw any) (string, *errs.Error) {
	fields, _ := raw.(map[string]any)
	hash, _ := fields["sha256Hash"].(string)
	if number, ok := fields["version"].(json.Number); !ok || number != "1" {
		return "", errs.New(errs.BadRequest, "`extensions.persistedQuery.version` must be 1")
	}
	if b, err := hex.DecodeString(hash); err != nil || len(b) != sha256.Size {
		return "", errs.New(errs.BadRequest, "`extensions.persistedQuery.sha256Hash` must be a SHA-256 in hex")
	}
	return strings.ToLower(hash), nil
}

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// persistedExtensions returns the extensions of a request that has nothing but a hash.
func persistedExtensions(hash [sha256.Size]byte) map[string]any {
	return map[string]any{"persistedQuery": map[string]any{"version": json.Number("1"), "sha256Hash": hex.EncodeToString(hash[:])}}
}
