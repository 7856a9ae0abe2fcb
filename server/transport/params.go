package transport

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/errs"
)

// decodeParams reads a request object, the body of a POST or the payload of a `subscribe`. The text has
// passed checkJSON. Names are exact, unknown ones are ignored.
func decodeParams(raw []byte) (*graphql.RawParams, *errs.Error) {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &fields) != nil || fields == nil {
		return nil, errs.New(errs.BadRequest, "the request must be one JSON object with a `query` or a `documentId`")
	}
	p := &graphql.RawParams{}
	var id string
	if err := decodeText(fields, "documentId", &id); err != nil {
		return nil, err
	}
	if err := decodeText(fields, "query", &p.Query); err != nil {
		return nil, err
	}
	if err := decodeText(fields, "operationName", &p.OperationName); err != nil {
		return nil, err
	}
	if err := decodeObject(fields["variables"], "variables", &p.Variables); err != nil {
		return nil, err
	}
	if err := decodeObject(fields["extensions"], "extensions", &p.Extensions); err != nil {
		return nil, err
	}
	if !isNull(fields["documentId"]) {
		setDocumentID(p, id)
	}
	return p, checkParams(p)
}

// checkParams refuses a request without a document or a name of one, a name that is none, and a document whose literals hold what
// cannot be stored.
func checkParams(p *graphql.RawParams) *errs.Error {
	if id, named := documentIDOf(p); named {
		return checkNamed(p, id)
	}
	if p.Query == "" && p.Extensions["persistedQuery"] == nil {
		return errs.New(errs.BadRequest, "`query` or `documentId` is required")
	}
	return checkDocument(p.Query)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func decodeText(fields map[string]json.RawMessage, name string, to *string) *errs.Error {
	if raw := fields[name]; !isNull(raw) && json.Unmarshal(raw, to) != nil {
		return errs.Newf(errs.BadRequest, "`%s` must be a string", name)
	}
	return nil
}

// decodeObject keeps numbers as they were written: a 64-bit id does not fit a float64.
func decodeObject(raw []byte, name string, to *map[string]any) *errs.Error {
	if isNull(raw) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(to) != nil {
		return errs.Newf(errs.BadRequest, "`%s` must be an object", name)
	}
	if _, err := d.Token(); err != io.EOF {
		return errs.Newf(errs.BadRequest, "`%s` must be an object", name)
	}
	return nil
}
