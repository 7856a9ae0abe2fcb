// Package server serves the API on the network: listeners and their limits, authentication, origins, the playground,
// health, metrics, and an orderly end.
//
// # Lifecycle
//
//	s, err := server.New(server.Config{Schema: schema, Authenticator: accounts})
//	…
//	err = s.Start(ctx) // listens, then serves
//	…
//	err = s.Stop(ctx) // drains
//
// With Config.Closed a started server only reports that it lives and that it is starting, until Open lets operations in.
// Stop drains: readiness fails at once, and the listeners close after Config.DrainDelay. Then sockets are closed in slices
// with 1012, and requests under way end by themselves. When the context of Stop ends first, the rest is cut off.
//
// # Authentication
//
// A Bearer key, in the Authorization header or the payload of connection_init, wins over the cookie. An invalid Bearer key
// is refused: 401 over HTTP, 4403 on a socket. With an invalid cookie the caller is anonymous, and the cookie is cleared.
// When keys cannot be checked, no caller counts as anonymous: the answer is 503, or 1013 on a socket.
//
// # Origins and addresses
//
// One list of origins decides on CORS, on state-changing requests from other origins and on websockets. Pages of the host
// itself need no entry, under the scheme of Config.PublicURL. A request whose host is neither a name of the site nor this
// machine is refused with 421, against DNS rebinding; health and readiness answer all the same.
//
// The client's address, for limits and in logs, is determined once, before anything else. It is the peer's address. For a
// peer in Config.TrustedProxies it is the right-most address in X-Forwarded-For that is not itself trusted.
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
