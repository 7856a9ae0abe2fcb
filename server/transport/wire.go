package transport

import (
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// wire is what a connection sends its messages over: a websocket, or an answer over HTTP that is a stream of events.
type wire interface {
	// name is the transport's, for an Observer.
	name() string

	// The messages of an operation. key is its id as JSON; cursor is the event's, empty if it has none. encodeStart is what is sent
	// before the first event of a subscription that begins at a cursor; nil if nothing is.
	encodeStart(cursor string) []byte
	encodeNext(key []byte, cursor string, resp *graphql.Response) ([]byte, error)
	textOfNext(key []byte, cursor string, payload []byte) text
	encodeComplete(key []byte) []byte
	encodeError(key []byte, list gqlerror.List) []byte

	// deliver sends a letter, ping something that keeps the connection alive, and farewell why it ends. Only the connection's writer
	// calls them, and written after each success of deliver and ping.
	deliver(l letter, deadline time.Time) error
	ping(deadline time.Time) error
	written()
	farewell(code int, reason string, deadline time.Time) error
	// cut ends the connection while others may use it, with a reset if that is set.
	cut(reset bool)
}

// webSocket is the wire of a websocket. Its messages are those of graphql-transport-ws.
type webSocket struct{ *websocket.Conn }

func (webSocket) name() string { return "socket" }

func (ws webSocket) deliver(l letter, deadline time.Time) error {
	switch l.kind {
	case ofPong:
		return ws.WriteControl(websocket.PongMessage, l.data, deadline)
	case ofRest:
		_ = ws.NetConn().SetWriteDeadline(deadline)
		_, err := ws.NetConn().Write(l.data)
		return err
	default:
		_ = ws.SetWriteDeadline(deadline)
		return ws.WriteMessage(websocket.TextMessage, l.data)
	}
}

func (ws webSocket) ping(deadline time.Time) error {
	return ws.WriteControl(websocket.PingMessage, nil, deadline)
}

// written removes the deadline, which would otherwise end a later write that has none; see conn.writeAtOnce.
func (ws webSocket) written() { _ = ws.NetConn().SetWriteDeadline(time.Time{}) }

// farewell sends the close frame; the client has until the deadline to answer it.
func (ws webSocket) farewell(code int, reason string, deadline time.Time) error {
	frame := websocket.FormatCloseMessage(code, reason)
	if err := ws.WriteControl(websocket.CloseMessage, frame, deadline); err != nil {
		return err
	}
	_ = ws.SetReadDeadline(deadline)
	return nil
}

func (ws webSocket) cut(reset bool) {
	if t := tcp(ws.NetConn()); t != nil && reset {
		_ = t.SetLinger(0)
	}
	_ = ws.NetConn().Close()
}
