// Package server serves the API on the network, and the web app beside it. It contains listeners and their limits, authentication,
// origins, the playground, health, metrics, and an orderly end.
//
// # Lifecycle
//
//	s, err := server.New(server.Config{Schema: schema, Authenticator: accounts})
//	…
//	err = s.Start(ctx) // listens, then serves
//	…
//	err = s.Stop(ctx) // drains
//
// With Config.Closed, a started server accepts no operations until Open is called; it only reports that it lives and that it is
// starting. Stop drains the server: readiness fails at once. After Config.DrainDelay the public listener closes, sockets are
// closed in slices with 1012, event streams end likewise, and requests under way end by themselves. If the context of Stop ends
// first, all that is left is cut off.
//
// # Authentication
//
// A Bearer key, in the Authorization header or the payload of connection_init, wins over the cookie. An invalid Bearer key is
// refused: 401 over HTTP, 4403 on a socket. With an invalid cookie the caller is anonymous, and the cookie is cleared. While
// keys cannot be checked, a caller with a key is not treated as anonymous: the answer is 503, or 1013 on a socket.
//
// # Origins and addresses
//
// One list of origins decides on CORS, on state-changing requests from other origins, on websockets and on event streams. A page
// needs no entry if it comes from the same host as the API, under the scheme that the site has for this host; for the public host
// this is the scheme of Config.PublicURL. A request is refused with 421 if its Host header is neither a name of the site, nor a
// name of this machine, nor a plain address. This prevents DNS rebinding. Health and readiness answer under any host.
//
// The client's address, for limits and in logs, is determined once, before anything else. It is the peer's address, unless the
// peer is in Config.TrustedProxies. Then it is the right-most address in X-Forwarded-For that is not itself trusted.
//
// # At the limits
//
//	connections       wait in the kernel's backlog until one of Config.MaxConnections ends
//	... one address   closed at once beyond Config.PerAddress; sockets, event streams and trusted proxies do not count
//	requests          wait for their turn, then 503; see package admission. Health, readiness and the admin address
//	                  take no turn, and pages only to read what their heads say; without a turn, or beyond the budget of
//	                  the address, their heads are general
//	slow senders      ReadHeaderTimeout for the headers, ReadTimeout for all of a request
//	slow readers      WriteTimeout for a small answer, transport.HTTP's time for a larger one; all together may leave
//	                  Config.MaxUnread bytes unread
//	idle connections  IdleTimeout
//	long headers      MaxHeaderBytes, 431
//	checks            each runs once at a time, for at most Config.CheckTimeout; its result is kept for a quarter of a second
//	parsed documents  the query cache is bounded by entries and by their weight; Config.Documents are kept besides
//
// Packages transport and guard define the limits of requests, sockets and documents.
package server
