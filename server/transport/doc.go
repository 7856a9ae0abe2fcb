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
//   - Text that SQL or JSON could not give back is refused before anything decodes it: invalid UTF-8,
//     NUL and lone surrogates, written out or escaped, in JSON and in string literals of the document.
//   - A panic anywhere answers INTERNAL and the process lives.
//
// # Lifecycle
//
// HTTP has none. A Socket accepts connections until Drain, which refuses new ones and closes those that
// are open in slices. A connection owns a reader (the goroutine of the HTTP handler), a writer, a watch on
// its session if there is one, and one goroutine per running operation; the handler returns when all of
// them have ended.
//
// # At the limits
//
//	body longer than HTTP.MaxBody               413, BAD_REQUEST
//	message longer than SocketConfig.MaxMessage closed with 1009
//	JSON deeper or fuller than the package      QUERY_TOO_COMPLEX
//	allows (maxJSONDepth, maxJSONValues)
//	more errors than maxErrors                  the rest is counted in extensions.errorsOmitted
//	messages faster than SocketConfig.Rate      closed with 4429
//	more operations than SocketConfig.Operations that operation is refused, RATE_LIMITED
//	send queue full                             operations wait for room; after SocketConfig.SlowAfter
//	                                            the socket is closed with 1013 and its queue dropped
//	more sockets than SocketConfig.Sockets      503 before the upgrade
//	more than PerAddress                        429 before the upgrade
//	more than PerUser                           closed with 1013 after connection_init
package transport
