package transport

import (
	"bytes"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/errs"
)

// MaxDocumentID is the longest document identifier, in bytes.
const MaxDocumentID = 256

// SHA256Prefix begins the identifiers that end with the SHA-256 of the document's text, as 64 hexadecimal digits in lower case.
const SHA256Prefix = "sha256:"

// documentID is the value of `documentId` among the extensions of a request, as far as Persisted. Its key has a NUL, which no request
// may hold, so it cannot be confused with what a client sent.
type documentID string

const documentIDKey = "documentId\x00"

// setDocumentID notes the document that a request names.
func setDocumentID(p *graphql.RawParams, id string) {
	if p.Extensions == nil {
		p.Extensions = map[string]any{}
	}
	p.Extensions[documentIDKey] = documentID(id)
}

// documentIDOf returns the identifier of the document that a request names.
func documentIDOf(p *graphql.RawParams) (id string, named bool) {
	v, named := p.Extensions[documentIDKey].(documentID)
	return string(v), named
}

// namesDocument reports whether a request names a document.
func namesDocument(p *graphql.RawParams) bool {
	_, named := documentIDOf(p)
	return named
}

// takeDocumentID removes the identifier from the request, and returns it.
func takeDocumentID(p *graphql.RawParams) (id string, named bool) {
	if id, named = documentIDOf(p); named {
		delete(p.Extensions, documentIDKey)
		if len(p.Extensions) == 0 {
			p.Extensions = nil
		}
	}
	return id, named
}

// CheckDocumentID returns why a text is no document identifier as the appendix "Persisted Documents" of GraphQL over HTTP defines
// them, nil if it is one. The error does not repeat the text.
func CheckDocumentID(id string) *errs.Error {
	if len(id) > MaxDocumentID {
		return errs.Newf(errs.BadRequest, "`documentId` is longer than %d bytes", MaxDocumentID)
	}
	prefix, payload, prefixed := strings.Cut(id, ":")
	switch {
	case !prefixed:
		if !isUnreserved(id) {
			return errs.New(errs.BadRequest, "`documentId` without a prefix must be of letters, digits, `-`, `.`, `_` and `~`")
		}
	case prefix == strings.TrimSuffix(SHA256Prefix, ":"):
		if !isHash(payload) {
			return errs.New(errs.BadRequest, "`documentId` must have 64 hexadecimal digits in lower case behind `sha256:`")
		}
	case !strings.HasPrefix(prefix, "x-"):
		return errs.New(errs.BadRequest, "the prefix of `documentId` must be `sha256`, or begin with `x-`")
	case !isUnreserved(prefix[len("x-"):]) || !isUnreserved(payload):
		return errs.New(errs.BadRequest,
			"`documentId` must be of letters, digits, `-`, `.`, `_` and `~`, on both sides of the one colon behind its prefix")
	}
	return nil
}

// isUnreserved reports whether a text is of the characters of an identifier, and of at least one.
func isUnreserved(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return s != ""
}

// isHash reports whether a text is a SHA-256 in hexadecimal digits of lower case.
func isHash(s string) bool {
	if len(s) != hex.EncodedLen(32) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// checkNamed refuses a request that names a document and brings one, or names two.
func checkNamed(p *graphql.RawParams, id string) *errs.Error {
	switch {
	case p.Query != "":
		return errs.New(errs.BadRequest, "set `documentId` or `query`, not both")
	case p.Extensions["persistedQuery"] != nil:
		return errs.New(errs.BadRequest, "set `documentId` or `extensions.persistedQuery`, not both")
	}
	return CheckDocumentID(id)
}

// readHashOfID sets Hash if the identifier has one.
func (r *Request) readHashOfID() {
	if digits, ok := bytes.CutPrefix(r.ID, []byte(SHA256Prefix)); ok && len(digits) == hex.EncodedLen(len(r.Hash)) {
		_, err := hex.Decode(r.Hash[:], digits)
		r.IsHash = err == nil
	}
}

// onlyNames reports whether the request names its document, by an identifier or a hash, and does not bring it.
func (r *Request) onlyNames() bool {
	return len(r.Text) == 0 && (r.ID != nil || r.IsHash || r.HasExtensions() && r.Params().Extensions["persistedQuery"] != nil)
}

// bringsDocument reports whether a GET brings its document.
func bringsDocument(rawQuery string) bool {
	values, _ := url.ParseQuery(rawQuery)
	return values.Get("query") != ""
}

// errOnly is the refusal of a text where only the documents of the operator run.
func errOnly() *errs.Error {
	return errs.New(errs.Forbidden, "this server runs only the documents that it was started with: name one of them in `documentId`")
}
