package shares

import "strings"

// Part is an index of [Parts].
type Part int

// The parts of a server, in the order in which a request meets them.
const (
	HTTP Part = iota
	Transport
	Engine
	Domain
	Cache
	SQL
	Runtime
)

// Parts are the names of the parts. Short heads the column of a table.
var Parts = []struct{ Name, Short string }{
	HTTP:      {"net/http and websockets", "net/http"},
	Transport: {"middleware, authentication, guard, decoding, envelope", "transport"},
	Engine:    {"engine: gqlgen or plans, loaders", "engine"},
	Domain:    {"domain, event log, live updates", "domain"},
	Cache:     {"cache client", "cache client"},
	SQL:       {"PostgreSQL client", "pg client"},
	Runtime:   {"runtime: garbage collection, scheduling", "runtime"},
}

// caller is the part of packages that cost their callers.
const caller Part = -1

// booked is the table: a row covers a package and all packages below it. The longest row that covers a package counts; a package
// without a row costs its callers.
var booked = map[string]Part{
	"net/http":                     HTTP,
	"github.com/gorilla/websocket": HTTP,

	"roost/server":              Transport,
	"roost/app":                 Transport,
	"roost/site":                Transport,
	"roost/internal/admission":  Transport,
	"roost/internal/buildinfo":  Transport,
	"roost/internal/caller":     Transport,
	"roost/internal/deadline":   Transport,
	"roost/internal/lag":        Transport,
	"roost/internal/reqstats":   Transport,
	"roost/internal/staticfile": Transport,
	"roost/internal/requestid":  Transport,
	"github.com/prometheus":     Transport,
	"log/slog":                  Transport,
	"compress/gzip":             Transport,
	"roost/docs/api":            Transport,
	"github.com/yuin/goldmark":  Transport,

	"roost/graph":                         Engine,
	"roost/loaders":                       Engine,
	"github.com/99designs/gqlgen":         Engine,
	"github.com/vektah/gqlparser":         Engine,
	"github.com/graph-gophers/dataloader": Engine,

	"roost/domain":              Domain,
	"roost/events":              Domain,
	"roost/live":                Domain,
	"roost/app/demo":            Domain,
	"roost/internal/idlease":    Domain,
	"roost/internal/pullstream": Domain,
	"golang.org/x/crypto":       Domain,

	"roost/cache":                   Cache,
	"roost/rows":                    Cache,
	"github.com/redis/go-redis":     Cache,
	"github.com/alicebob/miniredis": Cache,

	"roost/internal/sqldb":     SQL,
	"roost/ent":                SQL,
	"entgo.io/ent":             SQL,
	"database/sql":             SQL,
	"github.com/lib/pq":        SQL,
	"modernc.org/sqlite":       SQL,
	"github.com/pressly/goose": SQL,

	"runtime/pprof":  Runtime,
	"net/http/pprof": Runtime,

	"roost/cmd/roost":          caller,
	"roost/internal/capacity":  caller,
	"roost/internal/clock":     caller,
	"roost/internal/cursors":   caller,
	"roost/internal/entities":  caller,
	"roost/internal/datadir":   caller,
	"roost/internal/errs":      caller,
	"roost/internal/faults":    caller,
	"roost/internal/gcra":      caller,
	"roost/internal/heat":      caller,
	"roost/internal/ids":       caller,
	"roost/internal/lifecycle": caller,
	"roost/internal/moment":    caller,
	"roost/internal/parallel":  caller,
	"roost/internal/visible":   caller,
	"roost/internal/words":     caller,
}

// partOf returns the part of a package, or caller.
func partOf(pkg string) Part {
	for {
		if part, ok := booked[pkg]; ok {
			return part
		}
		i := strings.LastIndexByte(pkg, '/')
		if i < 0 {
			return caller
		}
		pkg = pkg[:i]
	}
}

// packageOf returns the package of a function as the linker names it: "net/http.(*conn).serve" is in "net/http".
func packageOf(function string) string {
	function, _, _ = strings.Cut(function, "[") // type parameters, which may name other packages
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(function[:slash+dot], "%2e", ".")
}

// PartOf returns the part of a stack, which begins with the running function.
func PartOf(stack []string) Part {
	for _, function := range stack {
		if part := partOf(packageOf(function)); part != caller {
			return part
		}
	}
	return Runtime
}
