package shares

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestPackageOf(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]string{
		"net/http.(*conn).serve":                                        "net/http",
		"runtime.mallocgc":                                              "runtime",
		"roost/graph.(*queryResolver).Viewer":                           "roost/graph",
		"roost/graph/plan.One[go.shape.*roost/domain/tweets.Tweet]":     "roost/graph/plan",
		"roost/graph/plan.Many[...].func1.2":                            "roost/graph/plan",
		"github.com/redis/go-redis/v9.(*baseClient)._process":           "github.com/redis/go-redis/v9",
		"gopkg.in/yaml%2ev3.(*parser).peek":                             "gopkg.in/yaml.v3",
		"main.main":                                                     "main",
		"[kernel.kallsyms]":                                             "",
		"github.com/99designs/gqlgen/graphql.(*FieldSet).Dispatch.func": "github.com/99designs/gqlgen/graphql",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s is in %q, want %q", function, got, want)
		}
	}
}

// The deepest frame with a part decides, whatever was called from there and whoever called it.
func TestPartOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want  Part
		stack string
	}{
		"a server's own work": {HTTP,
			"internal/poll.(*FD).Write net.(*conn).Write net/http.checkConnErrorWriter.Write"},
		"decoding": {Transport,
			"encoding/json.(*scanner).step roost/server/transport.decode net/http.(*conn).serve"},
		"writing an answer": {HTTP,
			"bufio.(*Writer).Flush net/http.(*response).Write roost/server/transport.(*HTTP).Do net/http.(*conn).serve"},
		"allocation by a field": {Engine,
			"runtime.mallocgc roost/graph/generated.(*executionContext)._Tweet net/http.(*conn).serve"},
		"a plan": {Engine,
			"runtime.memmove roost/graph/plan.AppendString roost/server/transport.(*HTTP).Do net/http.(*conn).serve"},
		"gqlgen below the transport": {Engine,
			"github.com/99designs/gqlgen/graphql.(*FieldSet).Dispatch roost/server/transport.(*HTTP).Do"},
		"a leaf costs its caller": {Cache,
			"roost/internal/ids.Decode roost/rows.Tweet roost/loaders.New"},
		"a goroutine of a leaf": {Engine,
			"sync.(*Mutex).Lock roost/loaders.tweets roost/internal/parallel.Run.func1 runtime.goexit"},
		"the network below Redis": {Cache,
			"internal/runtime/syscall.Syscall6 net.(*conn).Read github.com/redis/go-redis/v9/internal/proto.(*Reader).ReadLine roost/cache.Get"},
		"the network below PostgreSQL": {SQL,
			"net.(*conn).Read github.com/lib/pq.(*conn).recv database/sql.(*DB).QueryContext roost/domain/tweets.Page"},
		"ent": {SQL,
			"strings.(*Builder).WriteString entgo.io/ent/dialect/sql.(*Selector).Query roost/domain/tweets.Page"},
		"a rule": {Domain,
			"roost/domain/tweets.Visible roost/graph.x net/http.(*conn).serve"},
		"the demo is no transport": {Domain,
			"roost/app/demo.(*Life).step"},
		"garbage collection": {Runtime,
			"runtime.scanobject runtime.gcDrain runtime.gcBgMarkWorker"},
		"a collection for an allocator": {Engine,
			"runtime.gcAssistAlloc runtime.mallocgc roost/graph.x net/http.(*conn).serve"},
		"the scheduler": {Runtime,
			"runtime.futex runtime.schedule runtime.mcall"},
		"the profile itself": {Runtime,
			"compress/flate.(*compressor).deflate runtime/pprof.(*profileBuilder).build net/http/pprof.Profile net/http.(*conn).serve"},
		"nothing": {Runtime, ""},
	} {
		if got := PartOf(strings.Fields(c.stack)); got != c.want {
			t.Errorf("%s costs %d, want %d", name, got, c.want)
		}
	}
}

// Every package of the server is booked, by a row of its own or of a folder above; and every row covers something of the server.
func TestEveryPackageOfTheServerIsBooked(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "roost/cmd/roost").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 300 {
		t.Fatalf("the server has only %d packages", len(packages))
	}
	unused := maps.Clone(booked)
	for _, pkg := range packages {
		covered := false
		for row := range booked {
			if pkg == row || strings.HasPrefix(pkg, row+"/") {
				covered = true
				delete(unused, row)
			}
		}
		if !covered && strings.HasPrefix(pkg, "roost/") {
			t.Errorf("%s is not booked: add a row to the table in parts.go", pkg)
		}
	}
	if len(unused) > 0 {
		t.Errorf("rows of the table cover nothing: %v", slices.Sorted(maps.Keys(unused)))
	}
}
