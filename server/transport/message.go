package transport

import (
	"bytes"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// Types of messages.
const (
	typeInit      = "connection_init"
	typeAck       = "connection_ack"
	typePing      = "ping"
	typePong      = "pong"
	typeSubscribe = "subscribe"
	typeNext      = "next"
	typeError     = "error"
	typeComplete  = "complete"
)

// maxIDLength bounds the id that a client chooses for an operation, in bytes.
const maxIDLength = 128

// message is a client's message, checked as far as its type says.
type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Payload json.RawMessage `json:"payload"`

	// refusal is why the payload of a subscribe cannot run though the message has the right form.
	refusal *errs.Error
}

// decodeMessage reads a message; ok is false if the protocol has none like it.
func decodeMessage(raw []byte) (m message, ok bool) {
	refusal := checkJSON(raw)
	if json.Unmarshal(raw, &m) != nil {
		return m, false
	}
	switch m.Type {
	case typeInit, typePing, typePong:
		ok = isNull(m.Payload) || m.Payload[0] == '{'
	case typeComplete:
		ok = validID(m.ID)
	case typeSubscribe:
		ok = validID(m.ID) && len(m.Payload) > 0 && m.Payload[0] == '{'
		if ok && refusal != nil {
			m.refusal, refusal = refusal, nil
		}
	}
	return m, ok && refusal == nil
}

func validID(id string) bool {
	return id != "" && len(id) <= maxIDLength && checkPlain(id) == nil
}

// encodeControl is a message without an id.
func encodeControl(kind string, payload json.RawMessage) []byte {
	if len(payload) == 0 {
		return []byte(`{"type":"` + kind + `"}`)
	}
	return []byte(`{"type":"` + kind + `","payload":` + string(payload) + `}`)
}

// encodeID is an id as it is in messages.
func encodeID(id string) []byte {
	raw, _ := json.Marshal(id) // a string always marshals
	return raw
}

func (webSocket) encodeComplete(id []byte) []byte {
	return []byte(`{"id":` + string(id) + `,"type":"` + typeComplete + `"}`)
}

func (webSocket) encodeNext(id []byte, _ string, resp *graphql.Response) ([]byte, error) {
	b := beginNext(id, len(resp.Data))
	if err := appendResponse(b, resp); err != nil {
		return nil, err
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Parts of a `next`, around the id and the payload.
var (
	nextHead   = []byte(`{"id":`)
	nextMiddle = []byte(`,"type":"` + typeNext + `","payload":`)
	nextTail   = []byte{'}'}
)

// textOfNext is a `next` with a payload that is JSON already.
func (webSocket) textOfNext(id []byte, _ string, payload []byte) text {
	return text{nextHead, id, nextMiddle, payload, nextTail}
}

// encodeStart is nothing: a client learns the first cursor elsewhere.
func (webSocket) encodeStart(string) []byte { return nil }

// beginNext is a `next` up to its payload, with room for so many bytes of it.
func beginNext(id []byte, room int) *bytes.Buffer {
	b := &bytes.Buffer{}
	b.Grow(room + len(id) + 48)
	b.Write(nextHead)
	b.Write(id)
	b.Write(nextMiddle)
	return b
}

func (webSocket) encodeError(id []byte, list gqlerror.List) []byte {
	list, _ = capErrors(list)
	raw, err := json.Marshal(list)
	if err != nil {
		raw, _ = json.Marshal(gqlerror.List{ToGraphQL(err)})
	}
	return []byte(`{"id":` + string(id) + `,"type":"` + typeError + `","payload":` + string(raw) + `}`)
}
