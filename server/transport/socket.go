package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"roost/internal/admission"
	"roost/internal/errs"
)

// Subprotocol is the only one that is spoken.
const Subprotocol = "graphql-transport-ws"

// InitResult is what a connection is allowed to be after its `connection_init`.
type InitResult struct {
	// Ctx prepares the context of each operation, as with a caller of its own; nil changes nothing.
	Ctx func(context.Context) context.Context
	// UserID is the connection's user, for the limits per user, and SessionID the session; both are 0 for an anonymous caller.
	UserID, SessionID int64
	// Ended is done when the session ends. Operations then get SocketConfig.EndGrace to end by themselves,
	// before the connection is closed with 4403. nil never ends.
	Ended context.Context
	// Release, if not nil, is called once when the connection has ended.
	Release func()
}

// SocketConfig holds the limits of a Socket. Zero values mean the defaults.
type SocketConfig struct {
	// Init decides on a connection by the upgrade request and the payload of `connection_init`. An error
	// closes the connection: with 1013 if its kind is Unavailable, else with 4403. It has InitTimeout.
	Init func(ctx context.Context, r *http.Request, payload map[string]any) (InitResult, error)
	// Caller returns whose events a stream of Server-Sent Events has, and the parent of the contexts in which they are made. The
	// request itself has been authenticated before. nil is nobody.
	Caller func(r *http.Request) (context.Context, InitResult)
	// CheckOrigin decides on the Origin header; nil allows the same host, and requests without the header.
	CheckOrigin func(r *http.Request) bool

	InitTimeout  time.Duration // until connection_init has come, and for Init; 5 s
	PingInterval time.Duration // between pings; 20 s. Two pings without any answer close the connection
	WriteTimeout time.Duration // for one message to leave; 10 s
	// MessageTimeout is how long a message may take from its first frame to its end; 10 s.
	MessageTimeout time.Duration
	SlowAfter      time.Duration // that a full send queue may stay full; 5 s
	CloseTimeout   time.Duration // to flush the queue and shake hands at the end; 2 s
	EndGrace       time.Duration // for operations after the session's end; 500 ms
	DrainGrace     time.Duration // for queries and mutations of a drained connection; 2 s
	DrainOver      time.Duration // that a drain takes at least until the last slice, if ctx allows; 2 s
	Timeout        time.Duration // for a query or mutation; DefaultTimeout

	MaxMessage int64 // bytes of a client's message; DefaultMaxBody
	SendBuffer int   // bytes that the system may keep for a client, which it rounds; 128 KiB
	Sockets    int   // in total, streams included; 20,000
	PerAddress int   // of one IPv4 address or IPv6 /64 network; 2,000
	PerUser    int   // of one user; 64
	Operations int   // running on one connection; 100
	UserPoints int   // that events of a user's open subscriptions may cost, see package guard; 8,000
	// AddressPoints is the same limit for all callers without a session of one IPv4 address or IPv6 /64 network; 80,000.
	AddressPoints int
	Rate          float64 // messages a second that a client may send; 50
	Burst         float64 // messages at once; 250

	// Cost returns the cost of an operation, or of one event of a subscription, in points; nil counts nothing.
	Cost func(*graphql.OperationContext) int
	// Personal reports whether an event of a subscription may contain something for one session that it does not contain for
	// another although the key of the event is the same, see pullstream.Keyed. nil means that each may.
	Personal func(*graphql.OperationContext) bool
	// Gate admits operations and initialisations; nil admits all at once.
	Gate *admission.Gate
	// Unread bounds the bytes of messages that clients have not read, or not sent in whole, of all sockets together; nil is no bound.
	Unread   *Unread
	Observer Observer
	Log      *slog.Logger
}

// Validate refuses negative limits.
func (c SocketConfig) Validate() error {
	var faults []error
	for name, n := range map[string]float64{
		"InitTimeout": float64(c.InitTimeout), "PingInterval": float64(c.PingInterval),
		"WriteTimeout": float64(c.WriteTimeout), "MessageTimeout": float64(c.MessageTimeout), "SlowAfter": float64(c.SlowAfter),
		"CloseTimeout": float64(c.CloseTimeout), "EndGrace": float64(c.EndGrace),
		"DrainGrace": float64(c.DrainGrace), "DrainOver": float64(c.DrainOver), "Timeout": float64(c.Timeout),
		"MaxMessage": float64(c.MaxMessage), "SendBuffer": float64(c.SendBuffer), "Sockets": float64(c.Sockets),
		"PerAddress": float64(c.PerAddress),
		"PerUser":    float64(c.PerUser), "Operations": float64(c.Operations),
		"UserPoints": float64(c.UserPoints), "AddressPoints": float64(c.AddressPoints), "Rate": c.Rate, "Burst": c.Burst,
	} {
		if n < 0 {
			faults = append(faults, fmt.Errorf("transport: socket limit %s is negative", name))
		}
	}
	return errors.Join(faults...)
}

func (c *SocketConfig) setDefaults() {
	setDefault(&c.InitTimeout, 5*time.Second)
	setDefault(&c.PingInterval, 20*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.MessageTimeout, 10*time.Second)
	setDefault(&c.SlowAfter, 5*time.Second)
	setDefault(&c.CloseTimeout, 2*time.Second)
	setDefault(&c.EndGrace, 500*time.Millisecond)
	setDefault(&c.DrainGrace, 2*time.Second)
	setDefault(&c.DrainOver, 2*time.Second)
	setDefault(&c.Timeout, DefaultTimeout)
	setDefault(&c.MaxMessage, DefaultMaxBody)
	setDefault(&c.SendBuffer, 128<<10)
	setDefault(&c.Sockets, 20_000)
	setDefault(&c.PerAddress, 2_000)
	setDefault(&c.PerUser, 64)
	setDefault(&c.Operations, 100)
	setDefault(&c.UserPoints, 8_000)
	setDefault(&c.AddressPoints, 80_000)
	setDefault(&c.Rate, 50)
	setDefault(&c.Burst, 250)
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Cost == nil {
		c.Cost = func(*graphql.OperationContext) int { return 0 }
	}
	if c.Personal == nil {
		c.Personal = func(*graphql.OperationContext) bool { return true }
	}
	if c.Caller == nil {
		c.Caller = func(r *http.Request) (context.Context, InitResult) {
			return context.WithoutCancel(r.Context()), InitResult{}
		}
	}
	if c.Init == nil {
		c.Init = func(context.Context, *http.Request, map[string]any) (InitResult, error) {
			return InitResult{}, nil
		}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Socket is the websocket transport. It owns its connections until Drain, and the streams of Server-Sent Events that HTTP answers with.
type Socket struct {
	cfg      SocketConfig
	upgrader websocket.Upgrader
	streams  *streams
	runner   *runner

	mu       sync.Mutex
	conns    map[*conn]struct{}
	pending  int // upgrades under way, counted against the total
	address  map[netip.Prefix]int
	user     map[int64]int
	draining bool
	// empty is closed when a drain waits for no connection any more.
	empty chan struct{}
}

var _ graphql.Transport = (*Socket)(nil)

// NewSocket returns a transport with the limits of the config.
func NewSocket(cfg SocketConfig) *Socket {
	cfg.setDefaults()
	return &Socket{
		cfg:     cfg,
		streams: newStreams(cfg.UserPoints, cfg.AddressPoints),
		runner:  newRunner(),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: cfg.InitTimeout,
			ReadBufferSize:   512, // kept by each connection; longer messages are read in parts
			WriteBufferSize:  4 << 10,
			WriteBufferPool:  &sync.Pool{},
			CheckOrigin:      cfg.CheckOrigin,
			Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
				kind := errs.BadRequest
				if status == http.StatusForbidden {
					kind = errs.Forbidden
				}
				Refuse(w, r, status, errs.New(kind, "the websocket handshake was refused"))
			},
		},
		conns:   map[*conn]struct{}{},
		address: map[netip.Prefix]int{},
		user:    map[int64]int{},
	}
}

// Supports reports whether the request asks for a websocket.
func (s *Socket) Supports(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// Do upgrades the request and returns. The connection then runs in goroutines of its own, without the memory that net/http and
// the handler hold for a request.
func (s *Socket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if r.Header["Idempotency-Key"] != nil { // whose sender relies on it
		s.cfg.Observer.SocketRefused()
		Refuse(w, r, http.StatusBadRequest, errs.New(errs.BadRequest, "Idempotency-Key is for requests with one mutation"))
		return
	}
	addr := Network(r.RemoteAddr)
	if status, err := s.reserve(addr); err != nil {
		s.cfg.Observer.SocketRefused()
		w.Header().Set("Retry-After", "1")
		Refuse(w, r, status, err)
		return
	}
	ws, spoken, err := s.upgrade(w, r)
	if err != nil {
		s.free(addr)
		s.cfg.Observer.SocketRefused()
		return
	}
	s.cfg.Observer.SocketOpened()
	c := newSocketConn(s, ws, r, exec)
	if !s.register(c) {
		c.shut(closeRestart, "Service restart", flush)
	} else if !spoken {
		c.shut(closeSubprotocol, "Subprotocol not acceptable", flush)
	}
	c.start()
}

// upgrade answers the handshake; spoken reports whether the client speaks our protocol.
func (s *Socket) upgrade(w http.ResponseWriter, r *http.Request) (ws *websocket.Conn, spoken bool, err error) {
	offered := websocket.Subprotocols(r)
	spoken = slices.Contains(offered, Subprotocol)
	header := http.Header{}
	switch {
	case spoken:
		header.Set("Sec-Websocket-Protocol", Subprotocol)
	case len(offered) > 0: // echoed, so that the client takes the upgrade and gets to see the code
		header.Set("Sec-Websocket-Protocol", offered[0])
	}
	if id := w.Header().Get("X-Request-Id"); id != "" { // an upgrade answers with these headers alone
		header.Set("X-Request-Id", id)
	}
	ws, err = s.upgrader.Upgrade(w, r, header)
	if err != nil {
		return nil, spoken, err
	}
	if t := tcp(ws.NetConn()); t != nil {
		// With the system's own size a slow reader is only noticed later.
		_ = t.SetWriteBuffer(s.cfg.SendBuffer)
	}
	return ws, spoken, nil
}

// tcp is the TCP connection below others, nil if there is none.
func tcp(c net.Conn) *net.TCPConn {
	for {
		switch below := c.(type) {
		case *net.TCPConn:
			return below
		case interface{ NetConn() net.Conn }:
			c = below.NetConn()
		default:
			return nil
		}
	}
}

// reserve counts a connection that is about to be upgraded.
func (s *Socket) reserve(addr netip.Prefix) (int, *errs.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return http.StatusServiceUnavailable, errs.Busy("the server restarts and", time.Second)
	case s.pending >= s.cfg.Sockets:
		return http.StatusServiceUnavailable, errs.Busy("the server", time.Second)
	case s.address[addr] >= s.cfg.PerAddress:
		return http.StatusTooManyRequests, &errs.Error{
			Kind: errs.RateLimited, Message: "too many sockets and streams from this address", RetryAfter: time.Second,
		}
	}
	s.pending++
	s.address[addr]++
	return 0, nil
}

func (s *Socket) free(addr netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	if s.address[addr]--; s.address[addr] == 0 {
		delete(s.address, addr)
	}
	if s.empty != nil && s.pending == 0 {
		close(s.empty)
		s.empty = nil
	}
}

// register adds the connection to those that Drain closes. It fails if a drain has begun.
func (s *Socket) register(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
	return !s.draining
}

// gone removes a connection that has ended.
func (s *Socket) gone(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if c.ws != nil {
		s.cfg.Observer.SocketClosed(c.closedWith())
	} else {
		s.cfg.Observer.StreamClosed(c.closedWith())
	}
	s.free(c.addr)
}

// claimUser counts a connection as the user's; freeUser takes it back.
func (s *Socket) claimUser(id int64) bool {
	if id == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user[id] >= s.cfg.PerUser {
		return false
	}
	s.user[id]++
	return true
}

func (s *Socket) freeUser(id int64) {
	if id == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user[id]--; s.user[id] == 0 {
		delete(s.user, id)
	}
}
