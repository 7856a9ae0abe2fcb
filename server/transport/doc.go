// Package transport implements the transports of gqlgen: GraphQL over HTTP, over websockets, and over Server-Sent Events.
//
// # Promises
//
//   - HTTP follows the GraphQL-over-HTTP specification: POST with JSON, GET for queries. One request is one operation. The data
//     that gqlgen wrote is sent unchanged.
//   - A request may name its document by `documentId`, as the specification's appendix "Persisted Documents" describes it. Socket takes
//     the same in the payload of a `subscribe`. An empty `query` counts as none.
//   - HTTP answers in text/event-stream to whoever accepts only that, by the protocol of graphql-sse (distinct connections). What a
//     document or its execution does wrong is a result, `next` with errors; a request that is malformed or refused is answered as
//     over HTTP. The id of an event is its cursor, and Last-Event-ID says after which one a subscription begins.
//   - Socket speaks graphql-transport-ws, with every close code of that protocol. It speaks no other protocol.
//   - Each error has one of the codes of package errs. The errors of an operation that did not start may repeat names from the
//     document or its variables: names of fields, arguments, types. They repeat no value of a literal or of a variable,
//     wherever the client put that value.
//   - Text that SQL or JSON could not return unchanged is refused before anything decodes it: invalid UTF-8, NUL and lone
//     surrogates, whether they are written out or escaped, in JSON and in string literals of the document.
//   - Answers of queries are compressed from 1 KB on if the client accepts zstd or gzip. Answers of mutations never are, because they
//     may hold the key of a session.
//   - When code panics anywhere, the client gets the error INTERNAL and the process goes on.
//
// # Lifecycle
//
// HTTP has no lifecycle; its event streams belong to a Socket, and are drained with it. A Socket accepts connections until Drain
// is called. Drain refuses new connections and closes the open ones in slices, one slice after another. A connection outlives the
// HTTP request that opened it. It owns a goroutine that reads, another one while its queue holds something, and one for each
// running operation, except for subscriptions that wait for their next event. When all of these have ended, the connection has
// ended and no longer counts against the limits.
//
// # Memory
//
// A waiting connection with one open subscription holds one goroutine. After a few garbage collections it has a stack of 4 KiB. The
// connection holds some 11 KiB more, most of it gqlgen's operation. It keeps nothing of its HTTP request, no buffer for writing,
// and no goroutine for pings, for its session, for its subscriptions or for sending. To keep the stack small, only a small function
// waits; see conn.read.
//
// An event stream has the goroutines and buffers of net/http instead, and none of its own: the handler's goroutine waits, and sends.
//
// # Slow readers
//
// Messages that a client does not read pile up first in the buffers of the operating systems; the buffer on the server has
// SocketConfig.SendBuffer bytes. They then pile up in the connection's queue, which takes 128 messages or 1 MiB. When the queue
// is full, an operation with another message waits for room, and meanwhile the source of its events merges or skips events and
// reports that it did so. If the client does not read on, the connection is closed: when a message has waited for room for
// SlowAfter, or when a message has not left within WriteTimeout, whichever is first. So a slow reader holds no more than these
// buffers, and not for longer than ten seconds. When the connection is closed, its queue is dropped. The close frame is sent if
// the system still takes it; otherwise the client sees a reset.
//
// A compressed answer is held, and counted, with its compressed size. There is one compressor of each kind for each processor.
//
// Unread bounds the unread bytes of all connections together, including answers over HTTP, and the bytes of bodies and messages of
// which the end has not come yet. Beyond this bound connections are cut off: of the network that holds most bytes, first the connection
// that has had such bytes for longest. A client must read an answer over HTTP of more than 16 KiB within HTTP.ReadGrace plus one second
// for each HTTP.ReadRate bytes.
//
// # Subscriptions
//
// Subscriptions are the same over websockets and event streams; see wire for what differs. An event stream is a connection with one
// operation. When it is closed with 4403 or 1011, the client gets the error as a result, and `complete`; when it is closed with
// another code, it ends without `complete`, after which clients open it again.
//
// Each open subscription is charged to its user, or to the caller's network if the caller has no session. The charge is what
// one event of the subscription may cost. Of equal subscriptions one makes each event, and the others send the same bytes; see
// streamKey. The goroutines of a runner go from stream to stream and send what there is. A message is written by the goroutine
// that has it, as far as the system takes it without waiting, unless something else waits to be sent; see conn.writeAtOnce.
//
// # At the limits
//
//	more unread bytes than Unread allows        connections that do not read are cut off
//	answer not read in time                     the connection is cut off
//	message not ended within                    closed with 1013
//	SocketConfig.MessageTimeout
//	body longer than HTTP.MaxBody               413, BAD_REQUEST
//	documentId longer than MaxDocumentID        400, BAD_REQUEST
//	message longer than SocketConfig.MaxMessage closed with 1009
//	JSON with more levels or values than the    QUERY_TOO_COMPLEX
//	package allows (maxJSONDepth, maxJSONValues)
//	more errors than maxErrors                  the other errors are counted in extensions.errorsOmitted
//	messages, or ping frames, faster than       closed with 4429
//	SocketConfig.Rate
//	no turn at SocketConfig.Gate                the operation is refused, UNAVAILABLE; an initialisation, 1013
//	more operations than SocketConfig.Operations the new operation is refused, RATE_LIMITED
//	open subscriptions that cost more together  the new subscription is refused, RATE_LIMITED
//	than SocketConfig.UserPoints, AddressPoints
//	a subscription that alone costs more than   the subscription is refused, QUERY_TOO_COMPLEX
//	SocketConfig.UserPoints
//	send queue full                             operations wait for room; after SocketConfig.SlowAfter
//	                                            the socket is closed with 1013 and its queue dropped
//	more sockets than SocketConfig.Sockets      503 before the upgrade or stream; a stream by GET ends at once, see comeBack
//	more than PerAddress                        429 before the upgrade or stream; likewise
//	more than PerUser                           closed with 1013 after connection_init; a stream, as above
package transport
