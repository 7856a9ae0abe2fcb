package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/search"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
	"roost/graph"
	"roost/internal/admission"
	"roost/internal/lag"
	"roost/internal/lifecycle"
	"roost/live"
	"roost/loaders"
	"roost/rows"
	"roost/server"
	"roost/server/budget"
	"roost/server/guard"
	"roost/server/transport"
	"roost/site"
)

// App is a running node.
type App struct {
	Config  Config
	stores  *Stores
	redis   *cache.Redis
	lag     *lag.Meter
	rows    *rows.Store
	queries *cache.PersistedQueries // nil without the role api
	budgets *budget.Budgets         // nil without any
	sources loaders.Sources
	hub     *live.Hub
	planned *prometheus.CounterVec // nil without plans
	toucher *accounts.Toucher
	log     *events.Log
	background
	checked sessionChecks
	demo    demoWorld
	server  *server.Server
	// documents are those of Config.Documents.
	documents []server.PersistedDocument
	services  lifecycle.Group
}

// New builds a node but starts nothing. Close closes the stores that it opened.
func New(ctx context.Context, c Config) (*App, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	a := &App{Config: c}
	if c.Has("api") {
		if err := a.readDocuments(); err != nil {
			return nil, err
		}
	}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// databasePatience is longer than the statements of requests and of workers, which end after 20 s at most.
const databasePatience = 25 * time.Second

func (a *App) build(ctx context.Context) (err error) {
	c := a.Config
	c.patience, c.prepare = databasePatience, preparing[c.DatabasePrepare]
	if a.stores, err = newStores(ctx, c); err != nil {
		return err
	}
	a.lag = lag.New()
	if a.redis, err = cache.Open(cache.Config{
		URL: c.RedisURL, Conns: c.RedisConns, Copies: int64(c.CopiesMiB) << 20, Late: a.lag.Since,
	}); err != nil {
		return err
	}
	if err := a.buildDomain(ctx); err != nil {
		return err
	}
	if err := a.addServices(); err != nil {
		return err
	}
	if a.Config.Demo {
		if err := a.seedDemo(ctx); err != nil {
			return err
		}
	}
	if a.server, err = a.buildServer(); err != nil {
		return err
	}
	a.services.Add("server", door{a})
	return nil
}

// door is the last service of a node. When it starts, everything that operations need is running.
type door struct{ *App }

// Start lets operations in, and listens unless the node does so already.
func (d door) Start(ctx context.Context) error {
	d.server.Open()
	return d.listen(ctx)
}

// Stop refuses new operations and waits for those that run.
func (d door) Stop(ctx context.Context) error { return d.server.Stop(ctx) }

// listen opens the node's addresses, once.
func (a *App) listen(ctx context.Context) error {
	if a.server.Addr() != nil {
		return nil
	}
	return a.server.Start(ctx)
}

// addServices adds the services that run behind the server.
func (a *App) addServices() error {
	a.services.Add("lag meter", a.lag)
	a.services.Add("database", databaseWait{a})
	a.services.Add("log epoch", epochStart{a})
	a.services.Add("id lease", a.stores.Renewer())
	a.services.Add("redis clock", a.redis.Ticker())
	a.services.Add("toucher", a.toucher)
	a.services.Add("live hub", a.hub)
	a.services.Add("session checker", a.hub.SessionChecker(a.endedSessions))
	return a.addBackground()
}

func (a *App) buildDomain(ctx context.Context) error {
	a.log = events.New(a.stores.Client, a.Config.clock())
	log := a.log
	sources := a.Config.rowSources(a.stores, log)
	tier, err := cache.NewTier(a.redis)
	if err != nil {
		return err
	}
	if err := tier.Probe(ctx); err != nil {
		return err
	}
	if !a.Config.ReadCache {
		tier.Bypass()
	}
	if a.rows, err = rows.New(tier, sources); err != nil {
		return err
	}
	log.SetInvalidator(a.rows)
	if err := a.prepare(); err != nil {
		return err
	}
	a.trackEpochs()
	a.sources = loaders.Sources{Sources: sources, Rows: a.rows, Wait: a.Config.LoaderWait,
		Sessions: accounts.NewAuthenticator(a.rows.SessionsOf, a.Config.clock())}
	a.hub = live.New(a.sources.Rows.Audience)
	a.hub.Brought = a.sources.Timelines.Brought
	a.hub.Counts = a.countsNow
	a.sources.Position = a.hub.Position
	tier.NoteMoments(func() any { return a.hub.Position() })
	log.Observe(a.hub.Observe)
	a.toucher = accounts.NewToucher(a.sources.Accounts)
	return nil
}

// rowSources returns the domain packages that read and write rows.
func (c Config) rowSources(s *Stores, log *events.Log) rows.Sources {
	cfg := accounts.DefaultConfig()
	if c.Hashing != nil {
		cfg.Hashing = *c.Hashing
	}
	cfg.Limits.PerAccount, cfg.Limits.PerAddress, cfg.Limits.SignUps = c.SignInPerAccount, c.SignInPerAddress, c.SignUpPerAddress
	return rows.Sources{
		Accounts:  accounts.New(s.Client, log, s.IDs, c.clock(), cfg),
		Counts:    counts.New(s.Client),
		Follows:   follows.New(s.Client, s.DB, log, s.IDs),
		Tweets:    tweets.New(s.Client, s.DB, log, s.IDs),
		Reactions: reactions.New(s.Client, s.DB, log),
		Retweets:  retweets.New(s.Client, s.DB, log, s.IDs),
		Timelines: timelines.New(s.DB),
		Search:    search.New(s.DB, log, c.clock(), search.Config{Keep: c.SearchKeep}),
	}
}

// countsNow reads the counts of tweets for live updates.
func (a *App) countsNow(ctx context.Context, tweetIDs []int64) (map[int64]events.TweetCounts, error) {
	rows, err := a.rows.TweetCounts.Load(ctx, tweetIDs)
	out := make(map[int64]events.TweetCounts, len(rows))
	for id, c := range rows {
		out[id] = c.Wide()
	}
	return out, err
}

func (a *App) buildServer() (*server.Server, error) {
	c := a.Config
	cfg := server.Config{
		Addr: c.Addr, AdminAddr: c.AdminAddr, PublicURL: c.PublicURL, TrustedProxies: c.proxies, DrainDelay: c.DrainDelay,
		Metrics: prometheus.NewRegistry(), AdminHandlers: a.adminHandlers(), NoAPI: !c.Has("api"), Closed: true,
		Checks: append([]server.Check{
			a.databaseCheck(),
			{Name: "redis", Run: a.redis.Ping, Optional: true},
		}, a.logChecks()...),
	}
	if !cfg.NoAPI {
		if err := a.addAPI(&cfg); err != nil {
			return nil, err
		}
	}
	for _, m := range a.collectors() {
		if err := cfg.Metrics.Register(m); err != nil {
			return nil, err
		}
	}
	s, err := server.New(cfg)
	return s, a.ofDocuments(err)
}

func (a *App) addAPI(cfg *server.Config) error {
	c := a.Config
	local, err := transport.NewMemoryQueries(transport.DefaultMemoryEntries, transport.DefaultMemoryBytes)
	if err != nil {
		return err
	}
	if a.queries, err = cache.NewPersistedQueries(a.redis, local); err != nil {
		return err
	}
	resolver := &graph.Resolver{Sources: a.sources, Hub: a.hub, Log: events.NewReader(a.stores.DB), PublicURL: c.PublicURL,
		DocumentBytes: guard.Defaults().Bytes}
	a.hub.Prepare = resolver.Prepare
	cfg.Socket.Personal = graph.Personal
	cfg.Listening = func(addr net.Addr) { resolver.PublicURL = a.listening(addr) }
	cfg.Schema, cfg.Resolved, cfg.Free = graph.Schema(resolver), graph.IsResolved, graph.IsFree
	cfg.ListPrice, cfg.Computed = graph.ListPrice, graph.IsComputed
	cfg.SDL = graph.SDL(cfg.Schema)
	cfg.Origins, cfg.AllowLocalhost = c.origins(), !c.Server()
	cfg.Extensions = append(slices.Clone(c.Extensions), graph.FailureLog{}, graph.Pages{}, graph.Idempotency{},
		graph.LoaderScope{Sources: a.sources})
	if c.Plans {
		cfg.Extensions = append(cfg.Extensions, a.newPlans(resolver))
	}
	cfg.Extensions = append(cfg.Extensions, graph.NewResolving(graph.ResolvedPoints))
	cfg.ErrorPresenter, cfg.Recover = graph.Present, graph.Recover
	cfg.Authenticator, cfg.PersistedQueries = observed{authenticator{a}, &a.demo}, a.queries
	if a.budgets, err = a.newBudgets(); err != nil {
		return err
	}
	cfg.Budgets, cfg.ServerTiming = a.budgets, c.ServerTiming
	cfg.NoIntrospection, cfg.NoPlayground, cfg.NoSuggestions = !c.Introspection, !c.Playground, c.Server()
	cfg.Admission = admission.Config{Wait: c.QueueWait, Lag: a.lag.Lag}
	cfg.Playground.Demo = a.demoLogin()
	cfg.NoApp = !c.App
	cfg.Site = site.Config{Reader: heads{&a.sources}, Demo: (*site.Demo)(a.demoLogin()),
		PublicURL: func() string { return resolver.PublicURL }, Looked: func() { a.demo.look(time.Now()) }}
	cfg.Documents, cfg.DocumentsOnly = a.documents, c.DocumentsOnly
	return nil
}

// newPlans returns the extension that answers operations from plans, and counts how they end.
func (a *App) newPlans(resolver *graph.Resolver) *graph.Plans {
	a.planned = planMetrics()
	answered := a.planned.WithLabelValues(string(ast.Query), string(graph.Answered)) // found once: most queries end this way
	return graph.NewPlans(graph.PlansConfig{Resolver: resolver, Most: guard.Defaults().MostBytes,
		Outcome: func(kind ast.Operation, o graph.Outcome) {
			if kind == ast.Query && o == graph.Answered {
				answered.Inc()
				return
			}
			a.planned.WithLabelValues(string(kind), string(o)).Inc()
		}})
}

// listening fills the port into a public URL that follows from an address with port 0.
func (a *App) listening(addr net.Addr) string {
	if host, port, err := SplitAddr(a.Config.Addr); err == nil && port == "0" && a.Config.ownURL {
		if _, port, err = SplitAddr(addr.String()); err == nil {
			a.Config.PublicURL = server.PublicURL(net.JoinHostPort(host, port))
		}
	}
	return a.Config.PublicURL
}

// Start starts everything; on an error nothing runs.
func (a *App) Start(ctx context.Context) error {
	if err := a.services.Start(ctx); err != nil {
		return err
	}
	a.logRoom(ctx)
	return nil
}

// roomTimeout bounds the statement that reads PostgreSQL's limit of connections.
const roomTimeout = 2 * time.Second

// logRoom logs for how many nodes like this one PostgreSQL has enough connections. It warns if there are too few even for
// this node.
func (a *App) logRoom(ctx context.Context) {
	if !a.Config.Server() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	server, own, err := a.stores.DB.Room(ctx)
	if err != nil {
		slog.WarnContext(ctx, "the connection limit of PostgreSQL could not be read", "error", err)
		return
	}
	level := slog.LevelInfo
	if own > server {
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "connections to PostgreSQL: --database-conns is this node's share",
		"node", own, "server", server, "nodes_that_fit", server/own)
}

// stopTimeout bounds a stop, not counting the delay that was asked for.
const stopTimeout = 30 * time.Second

// Stop drains and stops everything; it takes no longer than DrainDelay and 30 s.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.Config.DrainDelay+cmp.Or(a.Config.StopTimeout, stopTimeout))
	defer cancel()
	return a.services.Stop(ctx)
}

// Close closes the stores that New opened; call it after Stop.
func (a *App) Close() error {
	var all []error
	if a.redis != nil {
		all = append(all, a.redis.Close())
	}
	if a.stores != nil {
		all = append(all, a.stores.Close())
	}
	return errors.Join(all...)
}

// Addr is where the API listens, valid after Start.
func (a *App) Addr() net.Addr { return a.server.Addr() }

// AdminAddr is where the admin address listens, nil without one.
func (a *App) AdminAddr() net.Addr { return a.server.AdminAddr() }

// Stores returns a text for people that says which stores the node runs on.
func (a *App) Stores() string {
	if a.Config.Server() {
		return "PostgreSQL and Redis"
	}
	return fmt.Sprintf("embedded SQLite in %s, Redis in the process", a.Config.DataDir)
}
