package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
	listeners     []*served
	open          atomic.Bool
	draining      atomic.Bool
	stopped       bool
}

// served is one listener with its server.
type served struct {
	net.Listener
	http *http.Server
	done chan struct{} // closed when Serve has returned
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
		s.probes = append(s.probes, &probe{Check: c})
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
	public, err := s.listen(ctx, s.cfg.Addr)
	if err != nil {
		return err
	}
	listeners := []*served{{
		Listener: bound(public, connectionLimits{total: s.cfg.MaxConnections, perAddress: s.cfg.PerAddress,
			exempt: s.proxies.trust, refused: s.metrics.refusedConns.Inc, sendBuffer: s.cfg.SendBuffer}),
		http: s.httpServer(s.public, s.cfg.ReadTimeout, s.cfg.WriteTimeout),
	}}
	if s.cfg.AdminAddr != "" {
		admin, err := s.listen(ctx, s.cfg.AdminAddr)
		if err != nil {
			return errors.Join(err, public.Close())
		}
		listeners = append(listeners, &served{
			Listener: bound(admin, connectionLimits{total: adminConnections}),
			http:     s.httpServer(s.admin, s.cfg.ReadTimeout, adminTimeout),
		})
	}
	if s.cfg.Listening != nil {
		s.cfg.Listening(public.Addr())
	}
	s.listeners = listeners
	for _, l := range s.listeners {
		l.done = make(chan struct{})
		go func() {
			defer close(l.done)
			if err := l.http.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, errQuiesced) {
				s.cfg.Log.Error("serving ended", "addr", l.Addr().String(), "error", err)
			}
		}()
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

// stop accepts what clients have already connected, closes the listener and answers all requests that came.
func (l *served) stop(ctx context.Context) error {
	if b, ok := l.Listener.(*boundedListener); ok {
		ctx, cancel := context.WithTimeout(ctx, quietTimeout)
		b.quiesce()
		select {
		case <-l.done:
		case <-ctx.Done(): // connections never cease to come
		}
		b.waitServed(ctx)
		cancel()
	}
	if err := l.http.Shutdown(ctx); err != nil {
		return err
	}
	<-l.done
	return nil
}

// Addr returns where the API listens; it is valid after Start, and nil without an API.
func (s *Server) Addr() net.Addr { return s.addr(0) }

// AdminAddr returns where the admin mux listens; it is valid after Start, and nil without one.
func (s *Server) AdminAddr() net.Addr { return s.addr(1) }

func (s *Server) addr(i int) net.Addr {
	if i >= len(s.listeners) {
		return nil
	}
	return s.listeners[i].Addr()
}

// Open starts to accept operations, on a server that was started with Config.Closed.
func (s *Server) Open() { s.open.Store(true) }

// Drain makes readiness fail, and refuses new sockets; Stop begins with it.
func (s *Server) Drain() { s.draining.Store(true) }

// Stop drains as the package comment describes, and returns when nothing runs any more. If ctx ends first, the error names
// the work that was cut off. A second call does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.Drain()
	if len(s.listeners) == 0 || s.stopped {
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
	public, admin := s.listeners[0], s.listeners[1:]
	if err := public.stop(ctx); err != nil {
		faults = append(faults, err, public.http.Close())
	}
	faults = append(faults, <-sockets)
	for _, l := range admin { // the metrics of the end can be read until here; a profile is not waited for
		faults = append(faults, l.http.Close())
		<-l.done
	}
	return errors.Join(faults...)
}
