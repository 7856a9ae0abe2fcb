package ops

import (
	"context"
	"database/sql"
	"fmt"
)

// typename returns the operation with the least work: a field without a resolver, without a session. The baseline reads the same
// request and answers with the same bytes.
func typename() Operation {
	a := ask{
		roost: request(nil, "", `{"query":"{ __typename }"}`),
		want:  func(context.Context, *sql.DB) (any, error) { return object{"__typename": "Query"}, nil },
	}
	a.baseline = a.roost
	op := reads("typename", "{ __typename } without a session", `{"data":{"__typename":"Query"}}`, []ask{a})
	op.Rate, op.Identical = 0, true
	return op
}

// compressed returns the home page with answers that are compressed if the server can. The baseline answers without compression,
// so the ratio includes what compression costs.
func (w *World) compressed(encoding string) Operation {
	home := w.home()
	for i, v := range w.Viewers {
		headers := fmt.Sprintf("Authorization: Bearer %s\r\nAccept-Encoding: %s\r\n", v.Key, encoding)
		home.asks[i].roost = request(nil, headers, `{"query":`+quoted(homeQuery)+`,"variables":{}}`)
	}
	op := reads("home-"+encoding, home.Title+", "+encoding, string(home.Roost.Good), home.asks)
	op.Rate, op.Roost.Encoding = 0, encoding
	return op
}
