package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"

	"roost/internal/admission"
	"roost/server/budget"
	"roost/server/guard"
	"roost/server/playground"
	"roost/server/transport"
	"roost/site"
)

// Config holds every setting of a server. Schema and Authenticator are required unless NoAPI is set. Zero values of all
// other fields mean the defaults.
type Config struct {
	// Addr is the address to listen on, localhost:8080 by default, which is 127.0.0.1 and ::1; port 0 picks a free one.
	Addr string
	// AdminAddr is the address of the operator's page, /metrics and /debug/pprof; empty turns them off. It must not be public.
	AdminAddr string
	// PublicURL is the scheme and host at which browsers reach this server. Cookies are Secure if the scheme is https, and
	// only then. The default is the result of the function PublicURL for Addr.
	PublicURL string
	// Listening is called with the address before the first request is served; it may be nil.
	Listening func(addr net.Addr)
	// TrustedProxies are the networks of the proxies in front of this server. For requests from them the client is the
	// right-most address in X-Forwarded-For that is not itself trusted; from other peers the header is ignored. A network
	// of all addresses is refused, because it would let clients claim any address.
	TrustedProxies []netip.Prefix
	// Origins are the web origins, besides that of PublicURL, from which browsers may use the API with cookies, such as
	// https://app.example.com. A star is refused.
	Origins []string
	// AllowLocalhost allows every port of localhost as an origin, for frontends in development.
	AllowLocalhost bool

	// Closed makes Start only listen. Until Open is called, the status at /readyz is "starting" and operations are refused
	// with UNAVAILABLE. It is for a node whose stores cannot be reached yet.
	Closed bool

	// NoIntrospection refuses `__schema` and `__type`, and does not serve SDL.
	NoIntrospection bool
	// NoApp leaves out the web app.
	NoApp bool
	// NoPlayground leaves out the page at /playground.
	NoPlayground bool
	// NoSuggestions removes suggestions ("did you mean") from errors, because they reveal the schema bit by bit.
	NoSuggestions bool

	// NoAPI serves nothing but /healthz, /readyz and the admin address. It is for nodes that only work in the background.
	NoAPI bool

	Schema         graphql.ExecutableSchema
	SDL            string // served as /schema.graphqls and /schema.graphql
	Extensions     []graphql.HandlerExtension
	ErrorPresenter graphql.ErrorPresenterFunc // nil is gqlgen's, which shows every error's text
	Recover        graphql.RecoverFunc        // nil is gqlgen's

	Authenticator Authenticator
	// PersistedQueries keeps documents under their hash; a store in the process by default.
	PersistedQueries transport.PersistedQueries
	// Documents are checked and prepared when the server is built, and always kept. Clients run them by `documentId`.
	Documents []PersistedDocument
	// DocumentsOnly refuses every request that brings a document instead of naming one of Documents.
	DocumentsOnly bool

	// Budgets bound what callers spend; nil is no bound.
	Budgets *budget.Budgets
	// Admission bounds how many requests run at once.
	Admission admission.Config
	Guard     guard.Limits
	// Resolved says which scalars have a resolver of their own; see guard.Guard.
	Resolved func(object, field string) bool
	// Free says which fields cost nothing; see guard.Guard.
	Free func(object, field string) bool
	// ListPrice says what lists without a size cost, Computed which objects cost nothing by themselves; see guard.Guard.
	ListPrice func(object, field string) (guard.ListPrice, bool)
	Computed  func(typeName string) bool

	HTTP       transport.HTTP         // MaxBody and Timeout; the rest is set here
	Socket     transport.SocketConfig // limits; hooks are set here
	Playground playground.Config      // Endpoint is set here
	Site       site.Config            // of the web app: Title, Demo, PublicURL, Reader, ReadTimeout, Looked; the rest is set here

	// Checks decide on /readyz.
	Checks       []Check
	CheckTimeout time.Duration // for one check; 1 s
	// ServerTiming adds a Server-Timing header with the SQL statements and Redis round trips of a request.
	ServerTiming bool
	// AdminHandlers are served on the admin address, by ServeMux pattern.
	AdminHandlers map[string]http.Handler
	// Metrics is the registry of the server's metrics, which /metrics shows; by default the server makes its own.
	Metrics *prometheus.Registry
	Log     *slog.Logger // slog.Default by default

	MaxConnections int // open at once, sockets included; 25,000
	// PerAddress bounds the connections of one IPv4 address or IPv6 /64 network; 1,000. Sockets and the connections of
	// trusted proxies do not count.
	PerAddress int
	// MaxUnread bounds the bytes of answers and messages that clients have not read yet, for all connections together;
	// transport.DefaultMaxUnread by default.
	MaxUnread int
	// SendBuffer is how many bytes the operating system may buffer for a client over HTTP; 256 KiB. The system rounds it.
	SendBuffer        int
	MaxHeaderBytes    int           // of one request; 16 KiB
	ReadHeaderTimeout time.Duration // 5 s
	ReadTimeout       time.Duration // for a whole request; 15 s
	WriteTimeout      time.Duration // from the end of the headers to the end of a small answer; 45 s
	IdleTimeout       time.Duration // between requests; 90 s
	// DrainDelay is how long Stop continues to serve while readiness fails, so that load balancers notice; 0.
	DrainDelay time.Duration

	QueryCacheEntries int // parsed documents to keep; 1,000
	QueryCacheText    int // longest document to keep, bytes; 16 KiB
	QueryCacheNodes   int // weight of all kept documents, some 250 bytes each; 200,000
}

// withDefaults returns the config with its defaults filled in, or an error that names every fault.
func (c Config) withDefaults() (Config, error) {
	c.Addr = cmp.Or(c.Addr, "localhost:8080")
	c.PublicURL = cmp.Or(c.PublicURL, PublicURL(c.Addr))
	c.CheckTimeout = cmp.Or(c.CheckTimeout, time.Second)
	c.MaxConnections = cmp.Or(c.MaxConnections, 25_000)
	c.PerAddress = cmp.Or(c.PerAddress, 1_000)
	c.SendBuffer = cmp.Or(c.SendBuffer, 256<<10)
	c.MaxHeaderBytes = cmp.Or(c.MaxHeaderBytes, 16<<10)
	c.ReadHeaderTimeout = cmp.Or(c.ReadHeaderTimeout, 5*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 15*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 45*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 90*time.Second)
	c.QueryCacheEntries = cmp.Or(c.QueryCacheEntries, 1_000)
	c.QueryCacheText = cmp.Or(c.QueryCacheText, 16<<10)
	c.QueryCacheNodes = cmp.Or(c.QueryCacheNodes, 200_000)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	c.Playground.Endpoint = graphqlPath
	return c, c.validate()
}

func (c Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("server: "+format, args...)) }
	if c.Schema == nil && !c.NoAPI {
		fault("Schema is required")
	}
	if c.Authenticator == nil && !c.NoAPI {
		fault("Authenticator is required")
	}
	for name, n := range map[string]int{
		"MaxConnections": c.MaxConnections, "PerAddress": c.PerAddress, "MaxHeaderBytes": c.MaxHeaderBytes,
		"MaxUnread": c.MaxUnread, "SendBuffer": c.SendBuffer,
		"QueryCacheEntries": c.QueryCacheEntries, "QueryCacheText": c.QueryCacheText,
		"QueryCacheNodes": c.QueryCacheNodes,
	} {
		if n < 0 {
			fault("%s is negative", name)
		}
	}
	if _, err := ParseOrigin(c.PublicURL); err != nil {
		fault("PublicURL: %w", err)
	}
	for _, origin := range c.Origins {
		if _, err := ParseOrigin(origin); err != nil {
			fault("Origins: %w", err)
		}
	}
	if err := proxies(c.TrustedProxies).check(); err != nil {
		fault("TrustedProxies: %w", err)
	}
	if c.DocumentsOnly && len(c.Documents) == 0 && !c.NoAPI {
		fault("DocumentsOnly needs Documents")
	}
	if c.DocumentsOnly && !c.NoPlayground && !c.NoAPI {
		fault("DocumentsOnly needs NoPlayground: the playground sends texts")
	}
	if c.HTTP.MaxBody < 0 || c.HTTP.Timeout < 0 {
		fault("a limit of HTTP is negative")
	}
	if err := c.Socket.Validate(); err != nil {
		faults = append(faults, err)
	}
	for _, check := range c.Checks {
		if check.Name == "" || check.Run == nil {
			fault("a check needs a name and a function")
		}
	}
	return errors.Join(faults...)
}

// PublicURL returns the URL at which browsers on the same machine reach a server that listens on an address. Its host is
// localhost if the address names no host, or names this machine: to browsers localhost and 127.0.0.1 are different sites, and
// frontends in development are on localhost.
func PublicURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || host == loopback4 || host == loopback6 || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
