# Roost's commands. CI runs web-all beside verify, then test, test-plans, proxies and bench-short (.ci/run).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
GO ?= go
# Arguments for `make run`, packages and flags for `make test`.
ARGS ?=
PKGS ?= ./...

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## serve with embedded stores and demo data (ARGS="--addr ...")
	$(GO) run ./cmd/roost $(ARGS)

.PHONY: build
build: ## build the static binary bin/roost
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/roost ./cmd/roost

.PHONY: generate
generate: ## write the generated code: ent, gqlgen
	$(GO) generate ./...
	$(GO) tool gqlgen generate

.PHONY: verify
verify: lint ## lint, and check go.mod and that generated code is up to date
	scripts/drift.sh

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, the rules of text
	scripts/lint.sh

.PHONY: test
test: ## set up the stores and run every test with -race (PKGS=./live ARGS=-v)
	scripts/test.sh $(ARGS) $(PKGS)

# End-to-end tests that are about nodes, caches and stores more than about answers. They run without plans in the soak only.
ABOUT_NODES := roost/suite/cache roost/suite/cluster roost/suite/counts roost/suite/imports
# Tests that have a node without plans in any case.
WITH_AND_WITHOUT := roost/suite/price
# Tests of suite/costs that ask SQL itself how it reads, or measure a node that answers nothing: plans of documents change nothing there.
NO_ANSWERS := ^Test(PlansReadBoundedRows|PlansOnSQLiteSearch|ClientsThatNeverRead|AnIdleNodeIsQuiet|AStarvedNodeDoesNotBlameRedis|MoreThanTheDatabaseCanDo)$$

.PHONY: test-plans
test-plans: ## compare plans with resolvers on 20,000 random documents, and run the end-to-end tests of answers without plans
	$(GO) test -count=1 -run '^TestPlans' ./graph
	ROOST_TEST_PLANS=off scripts/test.sh -race=false -count=1 -skip '$(NO_ANSWERS)' $(filter-out $(ABOUT_NODES) $(WITH_AND_WITHOUT),$(shell $(GO) list ./suite/...))

.PHONY: web
web: ## check the typed client and run its example against a started server
	scripts/web.sh client

.PHONY: browser
browser: ## drive the playground and the example page in Chromium
	scripts/web.sh browser

.PHONY: web-all
web-all: ## web and browser, with one check of types and packages
	scripts/web.sh all

.PHONY: app
app: ## build the web app and the client's tarball, which the binary serves
	cd web && npm ci --prefer-offline --loglevel=error
	scripts/app.sh

.PHONY: proxies
proxies: ## restart nodes behind nginx, HAProxy and Caddy, and count what is lost; run nodes on PgBouncer
	ROOST_TEST_NEEDS='postgres redis cc nginx haproxy caddy pgbouncer' scripts/test.sh -tags=proxies -run '^TestProxies' -v ./suite/cluster

.PHONY: bench
bench: ## measure next to the baseline, a quarter of an hour (ARGS="-ops home -rounds 3"; ARGS=-h)
	scripts/bench.sh $(ARGS)

.PHONY: bench-short
bench-short: ## check answers and that every measurement works, a minute
	scripts/bench.sh -short -out bench/results/short.json $(ARGS)

.PHONY: bench-policies
bench-policies: ## measure the cache beside other policies, and what each shows to readers, two minutes
	scripts/bench.sh -policies $(ARGS)

.PHONY: bench-reactions
bench-reactions: ## measure ways of counting reactions, and what each shows to readers, four minutes
	scripts/bench.sh -reactions $(ARGS)

.PHONY: bench-overload
bench-overload: ## measure goodput at 0.9 to 3 times what a node can do (OP=home)
	scripts/bench.sh -overload -ops $(or $(OP),home) $(ARGS)

.PHONY: bench-beside
bench-beside: ## measure what others meet while 256 clients like one tweet, a minute
	scripts/bench.sh -beside -conns 256 $(ARGS)

.PHONY: profile
profile: ## profile one bench operation (OP=home, profile, summaries, react, viral)
	scripts/bench.sh -profile bench/results/profiles -ops $(or $(OP),home) $(ARGS)

.PHONY: soak
soak: ## the long forms of the tests: larger histories, faults, whole data sets
	ROOST_SOAK=1 ROOST_TEST_TIMEOUT=4h scripts/test.sh -tags=faults -count=1 $(ARGS) $(PKGS)
	ROOST_TEST_PLANS=off scripts/test.sh -race=false -count=1 $(ABOUT_NODES)
	scripts/web.sh soak

.PHONY: clean
clean: ## remove what builds left; the data directory stays
	rm -rf bin dist web/*/dist
