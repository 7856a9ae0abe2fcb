package archtest

// rules is the architecture. Paths are relative to the module; one that ends in
// /... covers everything below.
type rules struct {
	// layers maps a package to its layer.
	layers map[string]int
	// beside lists which packages of its own layer a package may import.
	beside map[string][]string
	// testHelpers may be imported by every test and by one another, and may import
	// what they need of the layers below theirs.
	testHelpers []string
	// anySize lists packages whose files may be as long as they are.
	anySize []string
	// warnLines is logged, maxLines fails.
	warnLines, maxLines int
}

// roost is the architecture of this repository; ARCHITECTURE.md tells why.
var roost = rules{
	layers: map[string]int{
		// Measurements.
		"bench":           9,
		"bench/rig":       8,
		"bench/ops":       8,
		"bench/baseline":  8,
		"bench/outbox":    8,
		"bench/localtier": 8,
		"bench/policies":  8,
		"bench/layout":    7,
		"bench/load":      0,
		"bench/report":    0,

		// The wiring and the programs.
		"cmd/roost":     7,
		"internal/app":  7,
		"internal/demo": 7,

		// Transports, limits, pages.
		"server":                     6,
		"server/transport":           6,
		"server/guard":               6,
		"server/playground":          6,
		"server/variables":           6,
		"server/internal/testschema": 6,

		// The API: resolvers.
		"graph":           5,
		"graph/generated": 5,
		"graph/model":     5,

		// Request-scoped batching.
		"loaders": 4,

		// The rows that the cache keeps: what they look like in it, and when they are old.
		"cache/entities": 4,

		// The rules of the domain, and the hub.
		"domain/accounts":  3,
		"domain/counts":    3,
		"domain/follows":   3,
		"domain/imports":   3,
		"domain/reactions": 3,
		"domain/timelines": 3,
		"domain/tweets":    3,
		"live":             3,

		// What stands between the domain and the stores.
		"cache":       2,
		"cache/audit": 2,
		"cache/local": 2,
		"events":      2,

		// Tables.
		"ent":     1,
		"ent/...": 1,

		// Leaves.
		"internal/admission": 0,
		"internal/archtest":  0,
		"internal/buildinfo": 0,
		"internal/caller":    0,
		"internal/clock":     0,
		"internal/cursors":   0,
		"internal/dataset":   0,
		"internal/errs":      0,
		"internal/faults":    0,
		"internal/feed":      0,
		"internal/idlease":   0,
		"internal/datadir":   0,
		"internal/ids":       0,
		"internal/lag":       0,
		"internal/lifecycle": 0,
		"internal/pgtest":    0,
		"internal/redistest": 0,
		"internal/repotest":  0,
		"internal/reqstats":  0,
		"internal/requestid": 0,
		"internal/sqldb":     0,
		"internal/testproc":  0,
		"internal/testtime":  0,
		"internal/visible":   0,

		// Databases at the current schema, for tests.
		"internal/dbtest": 2,

		// Test helpers that drive the whole product.
		"internal/apitest":           8,
		"suite":                      8,
		"suite/...":                  8,
		"internal/importedtest":      8,
		"internal/importedtest/fill": 8,
	},
	beside: map[string][]string{
		"cache/audit":        {"cache"},
		"cmd/roost":          {"internal/app"},
		"internal/app":       {"internal/demo"},
		"loaders":            {"cache/entities"},
		"server":             {"server/guard", "server/playground", "server/transport", "server/variables"},
		"graph":              {"graph/generated", "graph/model"},
		"graph/generated":    {"graph/model"},
		"domain/follows":     {"domain/counts"},
		"domain/imports":     {"domain/counts"},
		"domain/tweets":      {"domain/counts"},
		"ent/...":            {"ent", "ent/..."},
		"ent":                {"ent/..."},
		"internal/admission": {"internal/errs"},
		"internal/cursors":   {"internal/errs"},
		"internal/idlease":   {"internal/ids", "internal/sqldb"},
		"internal/ids":       {"internal/clock", "internal/errs"},
		"internal/lag":       {"internal/lifecycle"},
		"internal/sqldb":     {"internal/admission", "internal/cursors", "internal/errs", "internal/reqstats"},
	},
	testHelpers: []string{
		"bench", // a program that runs on what tests stand on
		"bench/rig",
		"ent/enttest", // generated
		"internal/apitest",
		"internal/archtest",
		"internal/importedtest",
		"internal/dbtest",
		"internal/pgtest",
		"internal/redistest",
		"internal/testproc",
		"internal/testtime",
		"suite/rig",
		"server/internal/testschema",
	},
	// Generated files are free anyway; these hold a generated schema for tests.
	anySize:   []string{"server/internal/testschema"},
	warnLines: 400,
	maxLines:  450,
}
