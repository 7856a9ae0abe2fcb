package server

import (
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"roost/internal/errs"
	"roost/server/operatorpage"
	"roost/server/playground"
	"roost/server/transport"
)

// newPublic returns the handler of the public address.
func (s *Server) newPublic() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", serveHealth)
	mux.HandleFunc("GET /readyz", s.serveReady)
	if !s.cfg.NoAPI {
		if err := s.mountAPI(mux); err != nil {
			return nil, err
		}
	}
	return s.begin(s.withRecovery(s.straight(mux))), nil
}

// straight sends requests for the API to it, and all others through the mux, which would find the API as well, in more time.
func (s *Server) straight(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == graphqlPath && s.api != nil && r.Method != http.MethodConnect {
			s.api.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) mountAPI(mux *http.ServeMux) error {
	exec, err := s.newExecutor()
	if err != nil {
		return err
	}
	pages := http.NewServeMux()
	mux.Handle("/", s.withHost(pages))
	api := s.graphql(exec)
	defer func() { s.api = s.withHost(api) }()
	if !s.cfg.NoIntrospection {
		text := newSDL(s.cfg.SDL)
		pages.Handle("GET /schema.graphqls", text)
		pages.Handle("GET /schema.graphql", text) // relay-compiler reads no other extension
	}
	newGuide(!s.cfg.NoIntrospection).mount(pages)
	if !s.cfg.NoPlayground {
		page, err := playground.New(s.cfg.Playground)
		if err != nil {
			return err
		}
		api = playground.Lead(api)
		page.Mount(pages)
	}
	pages.Handle(graphqlPath, api)
	return s.mountApp(pages)
}

// graphql returns the handler of /graphql. It separates websockets from other requests: a websocket authenticates after it has
// been opened, and each of its events is counted by itself.
func (s *Server) graphql(exec graphql.GraphExecutor) http.Handler {
	over := s.httpTransport()
	requests := s.metrics.count(s.origins.guard(s.whenOpen(over.Receive(s.withTurn(s.withCaller(over.Handler(exec)))))))
	sockets := s.whenOpen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.socket.Do(w, r, exec) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !websocket.IsWebSocketUpgrade(r):
			requests.ServeHTTP(w, r)
		case s.draining.Load():
			w.Header().Set("Retry-After", "1")
			transport.Refuse(w, r, http.StatusServiceUnavailable, errs.Busy("the server restarts and", retryAfter))
		default:
			sockets.ServeHTTP(w, r)
		}
	})
}

// whenOpen refuses requests until the server is open.
func (s *Server) whenOpen(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.open.Load() {
			transport.Refuse(w, r, http.StatusServiceUnavailable,
				&errs.Error{Kind: errs.Unavailable, Message: "the server is starting, try again", RetryAfter: retryAfter})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveCommandLine is pprof's handler of the command line. It leaves out what follows the scheme of a URL, because the URLs of
// the database and of Redis contain passwords.
func serveCommandLine(w http.ResponseWriter, _ *http.Request) {
	args := slices.Clone(os.Args)
	for i, arg := range args {
		if scheme, _, isURL := strings.Cut(arg, "://"); isURL {
			args[i] = scheme + "://…"
		}
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, strings.Join(args, "\x00"))
}

// newAdminMux returns the handler of the admin address, which is for operators only.
func (s *Server) newAdminMux() http.Handler {
	mux := http.NewServeMux()
	operatorpage.Mount(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", serveCommandLine)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	for pattern, h := range s.cfg.AdminHandlers {
		mux.Handle(pattern, h)
	}
	return s.withRecovery(refuseOtherPages(mux))
}

// refuseOtherPages refuses what pages of other sites make a browser ask for. A page whose name leads to this machine for a moment (DNS
// rebinding) counts as one of the same site, but its writes carry an Origin. Roost's own commands send none, and the operator's page only
// reads.
func refuseOtherPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if site == "cross-site" || site == "same-site" || !reads && r.Header.Get("Origin") != "" {
			http.Error(w, "this address is not for pages of other sites", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
