package transport

import (
	"net/http"
	"net/url"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/errs"
)

// read reads the request: the body of a POST into request, and the parameters of a GET, if they name a document, too. It returns the
// status and error of a refusal.
func (x *exchange) read(request *Request) (*graphql.RawParams, int, *errs.Error) {
	switch x.r.Method {
	case http.MethodGet:
		p, err := queryParams(x.r.URL.RawQuery)
		if err != nil {
			return nil, http.StatusBadRequest, err
		}
		if id, named := documentIDOf(p); named && len(p.Extensions) == 1 {
			*request = Request{ID: []byte(id), OperationName: p.OperationName, Variables: p.Variables}
			request.readHashOfID()
			p = nil
		}
		return p, 0, nil
	case http.MethodPost:
		if !acceptsBody(x.r) {
			return nil, http.StatusUnsupportedMediaType,
				errs.New(errs.BadRequest, "the body must be application/json in UTF-8, not compressed")
		}
		var err *errs.Error
		var status int
		*request, status, err = x.readBody()
		return nil, status, err
	}
	x.w.Header().Set("Allow", "GET, POST")
	return nil, http.StatusMethodNotAllowed, errs.New(errs.BadRequest, "use POST, or GET for queries")
}

func (x *exchange) readBody() (Request, int, *errs.Error) {
	b, ok := x.r.Body.(*received)
	if !ok {
		b = new(received) // the request needs the text until it is answered
		if status, err := x.receive(x.w, x.r, &b.buffer); err != nil {
			return Request{}, status, err
		}
	}
	if b.isRead {
		return b.request, 0, nil
	}
	request, err := readRequest(b.buffer.Bytes())
	return request, http.StatusBadRequest, err
}

// queryParams reads the parameters of a GET.
func queryParams(raw string) (*graphql.RawParams, *errs.Error) {
	values, broken := url.ParseQuery(raw)
	if broken != nil {
		return nil, errs.New(errs.BadRequest, "the URL's query is malformed")
	}
	p := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	id := values.Get("documentId")
	for _, text := range []string{p.Query, p.OperationName, id} {
		if err := checkPlain(text); err != nil {
			return nil, err
		}
	}
	for name, to := range map[string]*map[string]any{"variables": &p.Variables, "extensions": &p.Extensions} {
		text := []byte(values.Get(name))
		if err := checkJSON(text); err != nil {
			return nil, err
		}
		if err := decodeObject(text, name, to); err != nil {
			return nil, err
		}
	}
	if values.Has("documentId") {
		setDocumentID(p, id)
	}
	return p, checkParams(p)
}
