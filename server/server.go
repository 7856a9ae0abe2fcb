package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/admission"
	"roost/internal/lifecycle"
	"roost/server/transport"
)

// Server serves the API on the network; it is a lifecycle.Service.
type Server struct {
	cfg     Config
	origins *origins
	proxies proxies
	metrics *metrics
	socket  *transport.Socket
	unread  *transport.Unread
	gate    *admission.Gate
	probes  []*probe
	secure  bool // whether cookies are

	public, admin http.Handler
	api           http.Handler // of /graphql; nil without an API
	served        []*served
	open          atomic.Bool
	draining      atomic.Bool
	stopped       bool
}

// served is a server on the listeners of one address; `localhost` has two.
type served struct {
	listeners []*boundedListener
	conns     *connections
	http      *http.Server
	done      chan struct{} // closed when no listener is served any more
}

func newServed(on []net.Listener, limits connectionLimits, by *http.Server) *served {
	v := &served{conns: newConnections(limits), http: by, done: make(chan struct{})}
	for _, l := range on {
		v.listeners = append(v.listeners, v.conns.bound(l))
	}
	return v
}

// serve begins to serve. failed is called with the error that ends a listener before its time.
func (v *served) serve(failed func(at net.Addr, err error)) {
	var running sync.WaitGroup
	for _, l := range v.listeners {
		running.Go(func() {
			if err := v.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, errQuiesced) {
				failed(l.Addr(), err)
			}
		})
	}
	go func() {
		defer close(v.done)
		running.Wait()
	}()
}

var _ lifecycle.Service = (*Server)(nil)

// New builds a server. Its error names every fault of the config.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, secure: isHTTPS(cfg.PublicURL), proxies: cfg.TrustedProxies, unread: transport.NewUnread(cfg.MaxUnread),
		gate: admission.New(cfg.Admission)}
	if s.origins, err = newOrigins(cfg); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(cfg.Metrics, s.unread, s.gate); err != nil {
		return nil, err
	}
	s.open.Store(!cfg.Closed)
	for _, c := range cfg.Checks {
		s.probes = append(s.probes, &probe{Check: c, log: cfg.Log})
	}
	s.socket = s.newSocket()
	if s.public, err = s.newPublic(); err != nil {
		return nil, err
	}
	s.admin = s.newAdminMux()
	return s, nil
}

// Start listens on all addresses and then serves. If one is taken it fails and closes the others.
func (s *Server) Start(ctx context.Context) error {
	public, err := listen(ctx, s.cfg.Addr)
	if err != nil {
		return err
	}
	all := []*served{newServed(public, connectionLimits{total: s.cfg.MaxConnections, perAddress: s.cfg.PerAddress,
		exempt: s.proxies.trust, refused: s.metrics.refusedConns.Inc, sendBuffer: s.cfg.SendBuffer},
		s.httpServer(s.public, s.cfg.ReadTimeout, s.cfg.WriteTimeout))}
	if s.cfg.AdminAddr != "" {
		admin, err := listen(ctx, s.cfg.AdminAddr)
		if err != nil {
			for _, l := range public {
				err = errors.Join(err, l.Close())
			}
			return err
		}
		all = append(all, newServed(admin, connectionLimits{total: adminConnections},
			s.httpServer(s.admin, s.cfg.ReadTimeout, adminTimeout)))
	}
	if s.cfg.Listening != nil {
		s.cfg.Listening(public[0].Addr())
	}
	s.served = all
	for _, v := range s.served {
		v.serve(func(at net.Addr, err error) {
			s.cfg.Log.Error("serving ended", "addr", at.String(), "error", err)
		})
	}
	return nil
}

// Limits of the admin address: few connections, and time for a profile.
const (
	adminConnections = 64
	adminTimeout     = 5 * time.Minute
)

func (s *Server) httpServer(h http.Handler, read, write time.Duration) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnState:         noteState,
		ConnContext:       withConn,
		ReadHeaderTimeout: s.cfg.ReadHeaderTimeout,
		ReadTimeout:       read,
		WriteTimeout:      write,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
}

// quietTimeout bounds how long stop waits for clients that have connected and not yet sent a request.
const quietTimeout = 2 * time.Second

// stop accepts what clients have already connected, closes the listeners and answers all requests that came.
func (v *served) stop(ctx context.Context) error {
	quiet, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	for _, l := range v.listeners {
		l.quiesce()
	}
	select {
	case <-v.done:
	case <-quiet.Done(): // connections never cease to come
	}
	v.conns.waitServed(quiet)
	if err := v.http.Shutdown(ctx); err != nil {
		return err
	}
	<-v.done
	return nil
}

// Addr returns where the API listens; it is valid after Start, and nil without an API.
func (s *Server) Addr() net.Addr { return s.addr(0) }

// AdminAddr returns where the admin mux listens; it is valid after Start, and nil without one.
func (s *Server) AdminAddr() net.Addr { return s.addr(1) }

func (s *Server) addr(i int) net.Addr {
	if i >= len(s.served) {
		return nil
	}
	return s.served[i].listeners[0].Addr()
}

// Open starts to accept operations, on a server that was started with Config.Closed.
func (s *Server) Open() { s.open.Store(true) }

// Drain makes readiness fail, and refuses new sockets and event streams; Stop begins with it.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.socket.Refuse()
}

// Stop drains as the package comment describes, and returns when nothing runs any more. If ctx ends first, the error names
// the work that was cut off. A second call does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.Drain()
	if len(s.served) == 0 || s.stopped {
		return nil
	}
	s.stopped = true
	if s.cfg.DrainDelay > 0 && s.open.Load() {
		t := time.NewTimer(s.cfg.DrainDelay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	sockets := make(chan error, 1)
	go func() { sockets <- s.socket.Drain(ctx) }()
	var faults []error
	public, admin := s.served[0], s.served[1:]
	if err := public.stop(ctx); err != nil {
		faults = append(faults, err, public.http.Close())
	}
	faults = append(faults, <-sockets)
	for _, v := range admin { // the metrics of the end can be read until here; a profile is not waited for
		faults = append(faults, v.http.Close())
		<-v.done
	}
	return errors.Join(faults...)
}
