package transport

import (
	"bytes"
	"encoding/hex"
	"unicode/utf8"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/errs"
)

// Request is a request object: the body of a POST or the payload of a `subscribe`. Text may be part of the buffer from which it
// was read, and is valid as long as that buffer is.
type Request struct {
	// Text is the document; it is empty if the client sent none.
	Text []byte
	// ID is the identifier of the document that the client names; nil if it names none.
	ID            []byte
	OperationName string
	Variables     map[string]any
	// Hash is the hash under which the client asks for a persisted document. It is set if IsHash is: if `extensions` holds nothing
	// else, or ID has a hash.
	Hash   [32]byte
	IsHash bool

	extensions []byte // as JSON; nil if there are none, or null
}

// Params returns the request in the form that gqlgen wants.
func (r *Request) Params() *graphql.RawParams {
	p := &graphql.RawParams{Query: string(r.Text), OperationName: r.OperationName, Variables: r.Variables}
	if r.extensions != nil {
		s := scanner{raw: r.extensions, build: true}
		v, _ := s.value(0) // has been scanned before
		p.Extensions, _ = v.(map[string]any)
	}
	if r.ID != nil {
		setDocumentID(p, string(r.ID))
	}
	return p
}

// HasExtensions reports whether the request has extensions. A hash is one, unless it is in ID.
func (r *Request) HasExtensions() bool { return r.extensions != nil }

// Persisted returns the hash in hex, and the extensions of every request that has only this hash. Nothing may change them.
func (r *Request) Persisted() (hash string, extensions map[string]any) {
	return hex.EncodeToString(r.Hash[:]), persistedExtensions(r.Hash)
}

// readRequest reads a request object in one pass. It checks JSON's grammar and limits, and what checkJSON checks. Names are
// exact, unknown ones are ignored; of equal names the last one counts. If the request is refused, the error is that of
// checkJSON or decodeParams, which look again.
func readRequest(raw []byte) (Request, *errs.Error) {
	s := scanner{raw: raw}
	r, ok := s.request()
	if ok && s.high {
		ok = utf8.Valid(raw)
	}
	switch {
	case !ok:
	case r.ID != nil:
		ok = len(r.Text) == 0 && r.extensions == nil && CheckDocumentID(unsafe.String(unsafe.SliceData(r.ID), len(r.ID))) == nil ||
			checkParams(r.Params()) == nil
		r.readHashOfID()
	default:
		r.readHash()
		ok = r.IsHash || len(r.Text) > 0 && !bytes.Contains(r.Text, escapeBegin) || checkParams(r.Params()) == nil
	}
	if ok {
		return r, nil
	}
	if err := checkJSON(raw); err != nil {
		return r, err
	}
	p, err := decodeParams(raw)
	if err == nil {
		err = errs.NewInternal() // the scanner refuses what it should not; a fuzz test compares both
	}
	if p != nil {
		r.Text = []byte(p.Query)
	}
	return r, err
}

// escapeBegin begins the escapes that checkDocument looks for.
var escapeBegin = []byte(`\u`)

// readHash sets Hash if the request has no text, and `extensions` has a persisted query and nothing else. Other forms of it
// are left to Persisted.
func (r *Request) readHash() {
	if len(r.Text) > 0 || r.extensions == nil {
		return
	}
	s := scanner{raw: r.extensions}
	var version, hash bool
	ok := s.object(1, func(key []byte) bool {
		return string(key) == "persistedQuery" && s.object(2, func(key []byte) bool {
			switch string(key) {
			case "version":
				version = s.literal("1") && !version
				return version
			case "sha256Hash":
				if hash || s.next() != '"' {
					return false
				}
				text, _ := s.text()
				if len(text) != hex.EncodedLen(len(r.Hash)) || bytes.ContainsAny(text, "ABCDEF") {
					return false
				}
				_, err := hex.Decode(r.Hash[:], text)
				hash = err == nil
				return hash
			}
			return false
		})
	})
	r.IsHash = ok && version && hash
}
