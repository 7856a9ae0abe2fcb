// Package server puts the API on the network: listeners and their limits, who is asking, where from, the
// playground, health, metrics, and an orderly end.
//
// # Lifecycle
//
// New wires, Start listens and then serves. With Config.Closed it only says that it lives and that it is
// starting, until Open lets operations in. Stop drains: readiness fails at once, after Config.DrainDelay
// the listeners close, sockets are closed in slices with 1012, requests under way end by themselves. When
// the context of Stop ends first, what is left is cut off.
//
// # Who is asking
//
// A Bearer key, in the Authorization header or the payload of connection_init, wins over the cookie. A
// Bearer key that is not valid is refused: 401 over HTTP, 4403 on a socket. A cookie that is not valid makes
// the caller anonymous and is cleared. When keys cannot be checked, nobody is taken for anonymous: 503, or
// 1013 on a socket.
//
// # Where from
//
// One list of origins decides on CORS, on state-changing requests from other origins and on websockets. Pages of the
// host itself need no entry, under the scheme that Config.PublicURL says. Under a host that is no name of the site and
// not this machine everything but health and readiness is refused with 421, against DNS rebinding.
//
// Whose address counts, for limits and in logs, is decided once, before anything else: the peer's, or, if
// that is in Config.TrustedProxies, the client that X-Forwarded-For names.
//
// # At the limits
//
//	connections       wait in the kernel's backlog until one of Config.MaxConnections ends
//	of one address    closed at once beyond Config.PerAddress; sockets and trusted proxies do not count
//	requests          wait for their turn, then 503; see package admission. Health, readiness and the admin address
//	                  take no turn
//	slow senders      ReadHeaderTimeout for the headers, ReadTimeout for all of a request
//	slow readers      WriteTimeout for a small answer, transport.HTTP's time for a larger one; Config.MaxUnread bytes
//	                  of all together
//	idle connections  IdleTimeout
//	long headers      MaxHeaderBytes, 431
//	checks            one at a time each, Config.CheckTimeout, answers kept for a quarter of a second
//	parsed documents  the query cache is bounded by entries and by their weight
//
// The limits of requests, sockets and documents are those of the packages transport and guard.
package server
