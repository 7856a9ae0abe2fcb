package transport

import "github.com/gorilla/websocket"

// Close codes of graphql-transport-ws, and of RFC 6455 and its registry. Clients of the protocol do not reconnect after 44xx
// and 1011; they reconnect after 1012 and 1013.
const (
	closeBadMessage    = 4400                             // not a message of the protocol
	closeUnauthorized  = 4401                             // `subscribe` before `connection_ack`
	closeForbidden     = 4403                             // the key is refused, or the session has ended
	closeSubprotocol   = 4406                             // no subprotocol that is spoken here
	closeInitTimeout   = 4408                             // no `connection_init` in time
	closeDuplicate     = 4409                             // the id is that of a running operation
	closeTooMany       = 4429                             // a second `connection_init`, or messages too fast
	closeMessageTooBig = websocket.CloseMessageTooBig     // 1009
	closeInternal      = websocket.CloseInternalServerErr // 1011
	closeRestart       = websocket.CloseServiceRestart    // 1012: drained, come back
	closeTryAgain      = websocket.CloseTryAgainLater     // 1013: too slow, too many, or a store is away
	closeNormal        = websocket.CloseNormalClosure     // 1000
	closeNone          = websocket.CloseAbnormalClosure   // 1006: the connection broke
)
