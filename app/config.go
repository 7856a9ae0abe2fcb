// Package app wires Roost: it builds every part from one configuration, starts the parts in order, and stops them in reverse
// order. Only this package imports all of them.
package app

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
)

// Config holds every setting of a node.
type Config struct {
	Addr           string
	AdminAddr      string
	DatabaseURL    string
	RedisURL       string
	Roles          string
	PublicURL      string
	Origins        string
	TrustedProxies string
	DataDir        string
	Demo           bool
	ServerTiming   bool
	DatabaseConn   int
	// DatabasePrepare is auto, on or off; empty is auto.
	DatabasePrepare string
	DrainDelay      time.Duration
	QueueWait       time.Duration
	LogFormat       string
	Introspection   bool
	// App is whether the node serves the web app.
	App        bool
	Playground bool
	ReadCache  bool
	Plans      bool
	// Documents is the file of the persisted documents; empty is none.
	Documents string
	// DocumentsOnly makes the node run nothing but the documents of the file.
	DocumentsOnly bool
	// SignInPerAccount, SignInPerAddress and SignUpPerAddress are PerAccount, PerAddress and SignUps of accounts.Limits.
	SignInPerAccount, SignInPerAddress, SignUpPerAddress int
	// SearchKeep is for how long searches find a tweet; 0 is for ever.
	SearchKeep time.Duration
	// PreparedTimelines is off, policy or always; empty is off. PreparedFollowers is timelines.FanoutConfig.MaxPushed of the policy.
	PreparedTimelines string
	PreparedFollowers int
	// Budget and BudgetAddress are User and Address of budget.Config.
	Budget, BudgetAddress int

	// The following fields have no flag; only tests set them.

	// Hashing is the price of passwords; nil is accounts.DefaultHashing.
	Hashing *accounts.Hashing
	// Clock returns the time of rows, ids and sessions; nil is the machine's.
	Clock clock.Clock
	// Extensions are added to the executor's own extensions and run outside of them.
	Extensions []graphql.HandlerExtension
	// Watch is called with every SQL statement.
	Watch sqldb.Watch
	// SampleEvery is how often the cache is sampled; 0 is audit.SampleEvery.
	SampleEvery time.Duration
	// Groups are consumer groups besides the product's own.
	Groups []events.GroupConfig
	// DatabaseWait is how long a statement of a request waits for its turn; 0 is the default of sqldb.Config.
	DatabaseWait time.Duration
	// LoaderWait is loaders.Sources.Wait.
	LoaderWait time.Duration
	// CopiesMiB bounds what the process keeps of rows, in MiB, at least 4: copies, tweets, and lists of home timelines. 0 is the default of
	// cache.Config, -1 turns copies off.
	CopiesMiB int
	// RedisConns is cache.Config.Conns.
	RedisConns int
	// StopTimeout bounds a stop, after DrainDelay; 0 is 30 s.
	StopTimeout time.Duration

	timingSet bool
	// ownURL is true if PublicURL was not set and follows from Addr.
	ownURL  bool
	proxies []netip.Prefix
	// patience is sqldb.Config.Patience; only nodes set it.
	patience time.Duration
	// prepare is sqldb.Config.Prepare; only nodes set it.
	prepare sqldb.Preparing
}

// Server reports whether the stores are PostgreSQL and Redis.
func (c Config) Server() bool { return c.DatabaseURL != "" }

// StoreFlags adds the settings that every command with a database has.
func (c *Config) StoreFlags(f *flag.FlagSet) {
	f.StringVar(&c.DatabaseURL, "database-url", "", "PostgreSQL, as postgres://user:password@host:5432/name; empty is SQLite in --data-dir")
	f.StringVar(&c.DataDir, "data-dir", "data", "`directory` of the embedded database")
	f.IntVar(&c.DatabaseConn, "database-conns", 0, "most open connections to PostgreSQL; 0 is 16 a core that the process may use, at least 32")
}

// ServeFlags adds the settings of `roost serve`.
func (c *Config) ServeFlags(f *flag.FlagSet) {
	c.StoreFlags(f)
	f.StringVar(&c.Addr, "addr", "localhost:8080", "`address` to listen on; localhost is 127.0.0.1 and ::1")
	f.StringVar(&c.AdminAddr, "admin-addr", "",
		"`address` of the operator's page, /metrics, /debug/pprof and what 'roost events' asks; empty turns them off")
	f.StringVar(&c.RedisURL, "redis-url", "", "Redis, as redis://host:6379/0; needed with --database-url")
	f.StringVar(&c.DatabasePrepare, "database-prepare", "auto",
		"let the database prepare frequent statements: on, off, or auto, which leaves it out behind a pooler of connections such as PgBouncer")
	f.StringVar(&c.Roles, "roles", "api,worker", "what this node does: api, worker or both")
	f.StringVar(&c.PublicURL, "public-url", "",
		"`URL` under which browsers reach the site; if empty http:// and --addr, with localhost for this machine")
	f.StringVar(&c.Origins, "origins", "", "web `origins` besides the public URL's that may use the API, separated by commas")
	f.StringVar(&c.TrustedProxies, "trusted-proxies", "",
		"`networks` of the proxies in front, as 10.0.0.0/8,192.0.2.7: what they say in X-Forwarded-For counts")
	f.BoolVar(&c.Demo, "demo", true, "seed a demo world into an empty embedded database and keep life in it")
	f.BoolVar(&c.ServerTiming, "server-timing", false, "send a Server-Timing header with each answer (always on in embedded mode unless set)")
	f.BoolVar(&c.ReadCache, "read-cache", true, "read rows through the cache; without, reads go to SQL, to see what the cache saves")
	f.IntVar(&c.CopiesMiB, "copies-mib", 0,
		"most memory for what this process keeps of rows, in MiB, at least 4; 0 is a quarter of GOMEMLIMIT, at most 256; -1 keeps none")
	f.BoolVar(&c.Plans, "plans", true,
		"answer operations from compiled plans; without, each field is resolved for itself, to see whether a plan is at fault")
	f.StringVar(&c.Documents, "documents", "",
		"`file` of documents that clients may name by documentId: a JSON object of texts by their hashes, or Apollo's manifest")
	f.BoolVar(&c.DocumentsOnly, "documents-only", false, "run only what is in --documents, and refuse every other document")
	f.DurationVar(&c.QueueWait, "queue-wait", 100*time.Millisecond,
		"how long a request waits for its turn on a busy node before it is refused, at most 10s")
	limits := accounts.DefaultLimits()
	f.IntVar(&c.SignInPerAccount, "sign-in-per-account", limits.PerAccount,
		"most failed attempts in 15 minutes to sign in with one name, of which a fifth (at least 5) may come from one address; 0 is no limit")
	f.IntVar(&c.SignInPerAddress, "sign-in-per-address", limits.PerAddress,
		"most attempts in 15 minutes to sign in from one IPv4 address or IPv6 /64; 0 is no limit")
	f.IntVar(&c.SignUpPerAddress, "sign-up-per-address", limits.SignUps,
		"most attempts in 15 minutes to sign up from one IPv4 address or IPv6 /64; 0 is no limit")
	c.SearchFlags(f)
	f.StringVar(&c.PreparedTimelines, "prepared-timelines", "off", "keep home timelines in Redis for first visits: off, policy "+
		"(authors with many followers are merged when timelines are read), or always (for everybody and all visits)")
	f.IntVar(&c.PreparedFollowers, "prepared-followers", defaultPreparedFollowers,
		"from how many followers on --prepared-timelines=policy merges an author, at least 10")
	f.IntVar(&c.Budget, "budget", 0,
		"how many points a signed-in user may spend in a minute, at least 20000; 0 is no limit (default 600000 with --database-url)")
	f.IntVar(&c.BudgetAddress, "budget-address", 0, "how many points the callers without a session of one IPv4 address or IPv6 /64 "+
		"may spend in a minute together, at least 10000; 0 is no limit (default 1200000 with --database-url)")
	f.DurationVar(&c.DrainDelay, "drain-delay", 0, "how long to go on serving after SIGTERM while /readyz already fails, at most 5m; "+
		"the stop may take 30s more (default 5s with --database-url, else 0s)")
	f.BoolVar(&c.Introspection, "introspection", true, "answer __schema and __type, and serve /schema.graphqls")
	f.BoolVar(&c.App, "app", true, "serve the web app at /")
	f.BoolVar(&c.Playground, "playground", true, "serve the playground at /playground (default false with --database-url or --documents-only)")
	f.StringVar(&c.LogFormat, "log-format", "text", "how lines of the log look on stderr: text or json")
}

// SearchFlags defines the settings of the index of search.
func (c *Config) SearchFlags(f *flag.FlagSet) {
	f.DurationVar(&c.SearchKeep, "search-keep", 0, "how long after it was posted a tweet is found by searches, such as 8760h; 0 is for ever")
}

// Variable is the name of the environment variable that sets a flag.
func Variable(flag string) string {
	return "ROOST_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Parse reads the flags, and the variables of flags that are not on the command line.
func (c *Config) Parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	var bad []error
	f.VisitAll(func(fl *flag.Flag) {
		name := Variable(fl.Name)
		v, ok := os.LookupEnv(name)
		if !ok || given[fl.Name] {
			return
		}
		given[fl.Name] = true
		if err := f.Set(fl.Name, v); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", name, err))
		}
	})
	c.timingSet = given["server-timing"]
	if !given["drain-delay"] && c.Server() {
		c.DrainDelay = defaultDrainDelay
	}
	if !given["budget"] && c.Server() {
		c.Budget = defaultBudget
	}
	if !given["budget-address"] && c.Server() {
		c.BudgetAddress = defaultBudgetAddress
	}
	if !given["playground"] && (c.Server() || c.DocumentsOnly) {
		c.Playground = false
	}
	return errors.Join(bad...)
}

// OwnURL reports whether PublicURL was not set and follows from Addr.
func (c Config) OwnURL() bool { return c.ownURL }

// clock is the clock to use.
func (c Config) clock() clock.Clock {
	if c.Clock == nil {
		return clock.Real{}
	}
	return c.Clock
}

// Has reports whether the node has a role.
func (c Config) Has(role string) bool {
	for r := range strings.SplitSeq(c.Roles, ",") {
		if r == role {
			return true
		}
	}
	return false
}

func (c Config) origins() []string {
	var out []string
	for o := range strings.SplitSeq(c.Origins, ",") {
		if o = strings.TrimSpace(o); o != "" {
			out = append(out, o)
		}
	}
	return out
}
