package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"roost/cache"
	"roost/internal/sqldb"
	"roost/server"
)

// defaultDrainDelay is DrainDelay in server mode, where load balancers need time to notice that a node drains. In this time
// most of them send two probes.
const defaultDrainDelay = 5 * time.Second

// Budgets in server mode, in points a minute. A point is about a microsecond of processor time, so a user may take a hundredth of a
// processor all the time, and an address whose visitors have no session a fiftieth.
const defaultBudget, defaultBudgetAddress = 600_000, 1_200_000

// maxDrainDelay bounds DrainDelay: an operator who stops a node should not wait longer.
const maxDrainDelay = 5 * time.Minute

// minCopiesMiB and maxCopiesMiB bound CopiesMiB: copies are for what is read often.
const minCopiesMiB, maxCopiesMiB = 4, 64 << 10

// maxQueueWait bounds QueueWait: clients should get an answer before they give up.
const maxQueueWait = 10 * time.Second

// mistakes are the errors of a configuration.
type mistakes []error

// add records an error about a flag; a nil error adds nothing.
func (f *mistakes) add(flag string, err error) {
	if err != nil {
		*f = append(*f, fmt.Errorf("--%s: %w", flag, err))
	}
}

// Check fills in the settings that follow from others, and returns one error that names every wrong value. It touches
// neither disk nor network.
func (c *Config) Check() error {
	var bad mistakes
	c.checkStores(&bad)
	if c.Server() != (c.RedisURL != "") {
		bad = append(bad, errors.New("--database-url and --redis-url go together: set both, or neither for embedded stores"))
	}
	bad.add("redis-url", cache.Config{URL: c.RedisURL}.Check())
	bad.checkAddr("addr", c.Addr)
	if c.AdminAddr != "" {
		bad.checkAddr("admin-addr", c.AdminAddr)
	}
	c.checkOrigins(&bad)
	proxies, err := server.ParseProxies(c.TrustedProxies)
	bad.add("trusted-proxies", err)
	c.proxies = proxies
	for r := range strings.SplitSeq(c.Roles, ",") {
		if r != "api" && r != "worker" {
			bad.add("roles", fmt.Errorf("%q is neither api nor worker", r))
		}
	}
	bad.checkNumber("sign-in-per-account", c.SignInPerAccount)
	bad.checkNumber("sign-in-per-address", c.SignInPerAddress)
	bad.checkNumber("sign-up-per-address", c.SignUpPerAddress)
	c.checkBudgets(&bad)
	if c.CopiesMiB != 0 && c.CopiesMiB != -1 && (c.CopiesMiB < minCopiesMiB || c.CopiesMiB > maxCopiesMiB) {
		bad.add("copies-mib", fmt.Errorf("%d is neither between %d and %d, nor 0, nor -1", c.CopiesMiB, minCopiesMiB, maxCopiesMiB))
	}
	if _, ok := preparing[c.DatabasePrepare]; !ok {
		bad.add("database-prepare", fmt.Errorf("%q is none of auto, on and off", c.DatabasePrepare))
	}
	if c.DrainDelay < 0 || c.DrainDelay > maxDrainDelay {
		bad.add("drain-delay", fmt.Errorf("%s is not between 0 and %s", c.DrainDelay, maxDrainDelay))
	}
	if c.QueueWait < 0 || c.QueueWait > maxQueueWait {
		bad.add("queue-wait", fmt.Errorf("%s is not between 0 and %s", c.QueueWait, maxQueueWait))
	}
	if c.SearchKeep < 0 {
		bad.add("search-keep", errors.New("it must not be negative"))
	}
	c.checkPrepared(&bad)
	if c.DocumentsOnly && c.Documents == "" {
		bad.add("documents-only", errors.New("it needs --documents, the file of the documents to run"))
	}
	if c.DocumentsOnly && c.Playground {
		bad.add("documents-only", errors.New("the playground cannot work with it: leave out --playground"))
	}
	if c.LogFormat != "" && c.LogFormat != "text" && c.LogFormat != "json" {
		bad.add("log-format", fmt.Errorf("%q is neither text nor json", c.LogFormat))
	}
	if c.Server() {
		c.Demo = false
	}
	if !c.timingSet && !c.Server() {
		c.ServerTiming = true
	}
	return errors.Join(bad...)
}

// preparing are the values of DatabasePrepare.
var preparing = map[string]sqldb.Preparing{
	"": sqldb.PrepareDirect, "auto": sqldb.PrepareDirect, "on": sqldb.PrepareAlways, "off": sqldb.PrepareNone,
}

// CheckStores returns one error that names every wrong value among the settings of StoreFlags.
func (c *Config) CheckStores() error {
	var bad mistakes
	c.checkStores(&bad)
	return errors.Join(bad...)
}

func (c *Config) checkStores(bad *mistakes) {
	if c.Server() {
		if u, err := url.Parse(c.DatabaseURL); err != nil || u.Opaque != "" || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			// The message does not repeat the URL, because it may contain a password.
			bad.add("database-url", errors.New("it must look like postgres://user:password@host:5432/name"))
		}
	} else if c.DataDir == "" {
		bad.add("data-dir", errors.New("must not be empty"))
	}
	bad.checkNumber("database-conns", c.DatabaseConn)
}

func (f *mistakes) checkNumber(flag string, n int) {
	if n < 0 {
		f.add(flag, errors.New("it must not be negative"))
	}
}

// checkOrigins checks the public URL and the origins. It fills in the public URL if none was set.
func (c *Config) checkOrigins(bad *mistakes) {
	if c.PublicURL == "" {
		c.PublicURL, c.ownURL = server.PublicURL(c.Addr), true
	} else if _, err := server.ParseOrigin(c.PublicURL); err != nil {
		bad.add("public-url", err)
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	for _, origin := range c.origins() {
		_, err := server.ParseOrigin(origin)
		bad.add("origins", err)
	}
}

func (f *mistakes) checkAddr(flag, addr string) {
	_, _, err := SplitAddr(addr)
	f.add(flag, err)
}

// SplitAddr returns the parts of an address to listen on; the host may be empty, the port is a number.
func SplitAddr(addr string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", "", fmt.Errorf("%q is not host:port, such as localhost:8080", addr)
	}
	return host, port, nil
}
