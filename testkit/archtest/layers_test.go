package archtest

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rules is the architecture. Paths are relative to the module; one that ends in
// /... covers everything below.
type rules struct {
	// layers maps a package to its layer; [mapped] reads those of this repository from ARCHITECTURE.md.
	layers map[string]int
	// alongside lists which packages of its own layer a package may import.
	alongside map[string][]string
	// testHelpers may be imported by every test and by one another, and may import
	// what they need of the layers below theirs.
	testHelpers []string
	// anySize lists packages whose files may be as long as they are.
	anySize []string
	// warnLines is logged, maxLines fails.
	warnLines, maxLines int
}

// roost is the architecture of this repository, but for the layers, which are in ARCHITECTURE.md.
var roost = rules{
	alongside: map[string][]string{
		"bench/baseline":  {"bench/layout"},
		"bench/floor":     {"bench/load"},
		"bench/ops":       {"bench/load"},
		"bench/outbox":    {"bench/load"},
		"bench/plot":      {"bench/shares"},
		"bench/policies":  {"bench/load"},
		"bench/reactions": {"bench/load"},
		"cache/audit":     {"cache"},
		"server": {"server/budget", "server/document", "server/guard", "server/operatorpage", "server/playground",
			"server/transport", "server/variables", "site"},
		"graph":               {"graph/generated", "graph/model"},
		"graph/generated":     {"graph/model"},
		"domain/countaudit":   {"domain/counts", "domain/tweets"},
		"domain/follows":      {"domain/counts"},
		"domain/imports":      {"domain/follows", "domain/search", "domain/tweets"},
		"domain/reactions":    {"domain/tweets"},
		"domain/retweets":     {"domain/counts", "domain/reactions", "domain/tweets"},
		"domain/search":       {"domain/accounts", "domain/suspensions", "domain/tweets"},
		"domain/timelines":    {"domain/search", "domain/suspensions", "domain/tweets"},
		"domain/tweets":       {"domain/counts", "domain/suspensions"},
		"ent/...":             {"ent", "ent/..."},
		"ent":                 {"ent/..."},
		"internal/admission":  {"internal/errs"},
		"internal/cursors":    {"internal/errs"},
		"internal/idlease":    {"internal/ids", "internal/lifecycle", "internal/sqldb"},
		"internal/ids":        {"internal/clock", "internal/errs"},
		"internal/lag":        {"internal/lifecycle"},
		"internal/pullstream": {"internal/lifecycle"},
		"internal/words":      {"internal/entities", "internal/errs"},
		"internal/sqldb":      {"internal/admission", "internal/cursors", "internal/errs", "internal/reqstats"},
	},
	testHelpers: []string{
		"bench",           // a program that runs on what tests use
		"bench/floor",     // as above
		"bench/localtier", // as above
		"bench/rig",
		"ent/enttest", // generated
		"testkit/apitest",
		"testkit/archtest",
		"testkit/importedtest",
		"testkit/importstest",
		"testkit/testlog",
		"testkit/importedtest/fill",
		"testkit/dataset",
		"testkit/dbtest",
		"testkit/npmtest",
		"testkit/domaintest",
		"testkit/rowstest",
		"testkit/pgtest",
		"testkit/redistest",
		"testkit/testproc",
		"testkit/testtime",
		"testkit/rig",
		"server/internal/testschema",
	},
	// Generated files are free anyway; these hold a generated schema for tests.
	anySize:   []string{"server/internal/testschema"},
	warnLines: 400,
	maxLines:  450,
}

// mapped returns the rules with the layers of the map in ARCHITECTURE.md: a row is `| layer | packages | purpose |`, with
// the packages in backticks; a layer of "-" is for what is not Go.
func (r rules) mapped(document string) (rules, error) {
	r.layers = map[string]int{}
	for line := range strings.Lines(document) {
		row := mapRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		layer, err := strconv.Atoi(row[1])
		if err != nil {
			return r, err
		}
		for _, name := range inBackticks.FindAllStringSubmatch(row[2], -1) {
			if _, ok := r.layers[name[1]]; ok {
				return r, fmt.Errorf("ARCHITECTURE.md has two rows for %s", name[1])
			}
			r.layers[name[1]] = layer
		}
	}
	return r, nil
}

// wide returns the folders whose packages are in more than two layers, one line each. The root of the module is not one.
func (r rules) wide() (faults []string) {
	found := map[string][]int{} // layers by folder
	for pkg, layer := range r.layers {
		for dir := strings.TrimSuffix(pkg, "/..."); dir != "."; dir = path.Dir(dir) {
			if !slices.Contains(found[dir], layer) {
				found[dir] = append(found[dir], layer)
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		if layers := found[dir]; len(layers) > 2 {
			slices.Sort(layers)
			faults = append(faults, fmt.Sprintf("%s spans the layers %v, and a folder may span two", dir, layers))
		}
	}
	return faults
}

// disordered returns the rows of a document's maps that are below a row of a lower layer, one line each. A map ends where its
// lines end.
func disordered(document string) (faults []string) {
	const none = -1
	above := none
	for line := range strings.Lines(document) {
		if !strings.HasPrefix(line, "|") {
			above = none
		}
		row := mapRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		layer, _ := strconv.Atoi(row[1]) // the pattern wants digits
		if above != none && layer > above {
			faults = append(faults, fmt.Sprintf("the row of %s has layer %d, and the row above it %d", row[2], layer, above))
		}
		above = layer
	}
	return faults
}

var (
	mapRow      = regexp.MustCompile(`^\| ([0-9]+) \| ([^|]+) \|`)
	inBackticks = regexp.MustCompile("`([^`]+)`")
)
