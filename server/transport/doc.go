// Package transport speaks GraphQL over HTTP and over websockets, as gqlgen transports.
//
// # Promises
//
//   - HTTP follows the GraphQL-over-HTTP specification: POST with JSON, GET for queries. One request is
//     one operation. What gqlgen wrote as data is sent as it is.
//   - Socket speaks graphql-transport-ws with every close code of the protocol, and nothing else.
//   - Each error has one of the codes of errs. The errors of an operation that did not start may name what
//     the document or its variables name: fields, arguments, types. They repeat no value, of a literal or of
//     a variable, wherever it was put.
//   - Text that SQL or JSON could not return unchanged is refused before anything decodes it: invalid UTF-8,
//     NUL and lone surrogates, written out or escaped, in JSON and in string literals of the document.
//   - A panic anywhere answers INTERNAL and the process lives.
//
// # Lifecycle
//
// HTTP has none. A Socket accepts connections until Drain, which refuses new ones and closes those that
// are open in slices. A connection outlives the request that it came with: it owns a reader, a writer while
// there is something to send, and one goroutine per running operation. It has ended, and counts no more,
// when all of them have.
//
// # Memory
//
// A connection that waits holds two goroutines with one subscription, of 4 KiB of stack each after a few
// collections, and some 12 KiB besides, most of it gqlgen's operation. Nothing of its request, no buffer for
// writing and no timer or goroutine for pings, for its session or for sending is kept. So the functions
// that wait are few and small; see conn.read and stream.run.
//
// # Slow readers
//
// What a client does not read piles up in the system's buffers, of which SocketConfig.SendBuffer is ours,
// then in the connection's queue of 128 messages or 1 MiB, then at the source: an operation whose message
// finds no room waits, and meanwhile the source merges or skips and says so. Either the client gets on, or
// the connection is closed: SlowAfter after a message has found the queue full, or when a message has not
// left within WriteTimeout, whichever is first. So nobody holds more than that, nor for longer than ten
// seconds. The queue is dropped; the close frame goes out if the
// system still takes it, else the client sees a reset.
//
// What all connections hold together, answers over HTTP included, is bounded by Unread: beyond it connections are
// cut off, those first that hold most and read least. An answer over HTTP has to be read within
// HTTP.ReadGrace and a second for each HTTP.ReadRate bytes.
//
// # Subscriptions
//
// Each open subscription is charged to its user, or to the network of a caller without a session, what one event of it
// may cost. Of equal subscriptions of a session one makes an event, and the others send the same bytes; see streamKey.
//
// # At the limits
//
//	more unread bytes than Unread allows        connections that do not read are cut off
//	answer not read in time                     the connection is cut off
//	body longer than HTTP.MaxBody               413, BAD_REQUEST
//	message longer than SocketConfig.MaxMessage closed with 1009
//	JSON deeper or fuller than the package      QUERY_TOO_COMPLEX
//	allows (maxJSONDepth, maxJSONValues)
//	more errors than maxErrors                  the rest is counted in extensions.errorsOmitted
//	messages, or ping frames, faster than       closed with 4429
//	SocketConfig.Rate
//	no turn at SocketConfig.Gate                the operation is refused, UNAVAILABLE; an initialisation, 1013
//	more operations than SocketConfig.Operations that operation is refused, RATE_LIMITED
//	open subscriptions that cost more together  that subscription is refused, RATE_LIMITED
//	than SocketConfig.UserPoints, AddressPoints
//	a subscription that costs more alone        it is refused, QUERY_TOO_COMPLEX
//	send queue full                             operations wait for room; after SocketConfig.SlowAfter
//	                                            the socket is closed with 1013 and its queue dropped
//	more sockets than SocketConfig.Sockets      503 before the upgrade
//	more than PerAddress                        429 before the upgrade
//	more than PerUser                           closed with 1013 after connection_init
package transport
