package report

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Share is the part of a profile that falls to something, 0 to 1.
type Share struct {
	Name string
	Part float64
}

// kinds of work, of which a stack is the first that one of its functions belongs to. So what the runtime
// does on behalf of others is counted once, as the runtime's.
var kinds = []struct {
	name     string
	function *regexp.Regexp
}{
	{"garbage collection, in the background", regexp.MustCompile(`^runtime\.(gcBgMarkWorker|bgsweep|bgscavenge)`)},
	{"allocation, with what it does for the collector", regexp.MustCompile(`^runtime\.(mallocgc|growslice|newobject)`)},
	{"growing stacks", regexp.MustCompile(`^runtime\.(newstack|morestack|copystack)`)},
	{"scheduling goroutines", regexp.MustCompile(`^runtime\.(schedule|park_m|mcall|findRunnable)`)},
	{"PostgreSQL: lib/pq and database/sql", regexp.MustCompile(`^(github\.com/lib/pq|database/sql)\.`)},
	{"Redis: go-redis", regexp.MustCompile(`^github\.com/redis/`)},
	{"ent", regexp.MustCompile(`^(roost/ent|entgo\.io/)`)},
	{"domain, loaders, events, live", regexp.MustCompile(`^roost/(domain|loaders|events|live|cache)|/dataloader/`)},
	{"GraphQL: parsing, executing, resolvers", regexp.MustCompile(`gqlgen|gqlparser|^roost/graph`)},
	{"HTTP: net/http, transports, middleware", regexp.MustCompile(`^net/http|^roost/server|gorilla/websocket`)},
}

const rest = "the rest"

// Shares reads what `go tool pprof -traces` prints of a processor profile, the largest share first.
func Shares(traces string) ([]Share, error) {
	sums := map[string]time.Duration{}
	var all time.Duration
	// Stacks are parted by lines of dashes; what comes before the first one describes the profile.
	blocks := strings.Split(traces, "-----------+")
	for _, block := range blocks[1:] {
		_, block, _ = strings.Cut(block, "\n")
		var took time.Duration
		var stack []string
		for line := range strings.Lines(block) {
			function := strings.TrimSpace(line)
			if len(stack) == 0 { // the first function has the time before it
				value, name, ok := strings.Cut(function, " ")
				d, err := time.ParseDuration(value)
				if !ok || err != nil {
					continue // a label
				}
				took, function = d, strings.TrimSpace(name)
			}
			if function != "" {
				stack = append(stack, function)
			}
		}
		all += took
		sums[kindOf(stack)] += took
	}
	if all == 0 {
		return nil, errors.New("the profile is empty")
	}
	out := make([]Share, 0, len(sums))
	for name, d := range sums {
		out = append(out, Share{name, d.Seconds() / all.Seconds()})
	}
	slices.SortFunc(out, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Name, b.Name)) })
	return slices.DeleteFunc(out, func(s Share) bool { return s.Part == 0 }), nil
}

func kindOf(stack []string) string {
	for _, k := range kinds {
		if slices.ContainsFunc(stack, k.function.MatchString) {
			return k.name
		}
	}
	return rest
}
