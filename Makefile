# Nothing but Go is needed for build, test and demo.

GO        ?= go
BIN       := bin
PKGS      := ./...
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.0
DEADCODE    := golang.org/x/tools/cmd/deadcode@v0.49.0
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@latest
COUNT     ?= 6
BENCH     ?= .
SECONDS_EACH ?= 10

PREFIX    ?= /usr/local
DESTDIR   ?=
GORELEASER  := github.com/goreleaser/goreleaser/v2@v2.15.4

.PHONY: figures scale all build install man snapshot test test-long test-short race race-short arm soak fleet-soak fleet-scale fleet-month roads matrix screenshots lint bench bench-compare fuzz demo clean

all: build

build: ## bin/record, bin/analyze and bin/fleet
	$(GO) build -trimpath -o $(BIN)/ ./cmd/record ./cmd/analyze ./cmd/fleet

install: man ## ergo-record, ergo-analyze and ergo-fleet, their manual pages and completion, below PREFIX=/usr/local
	$(GO) build -trimpath -ldflags='-s -w' -o $(BIN)/ergo-record ./cmd/record
	$(GO) build -trimpath -ldflags='-s -w' -o $(BIN)/ergo-analyze ./cmd/analyze
	$(GO) build -trimpath -ldflags='-s -w' -o $(BIN)/ergo-fleet ./cmd/fleet
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' \
	  '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' '$(DESTDIR)$(PREFIX)/share/zsh/site-functions' '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d'
	install -m 0644 $(BIN)/man1/*.1 '$(DESTDIR)$(PREFIX)/share/man/man1'
	for c in ergo-record ergo-analyze ergo-fleet; do \
	  install -m 0755 $(BIN)/$$c '$(DESTDIR)$(PREFIX)/bin' && \
	  $(BIN)/$$c completion bash > '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/'$$c && \
	  $(BIN)/$$c completion zsh > '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_'$$c && \
	  $(BIN)/$$c completion fish > '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/'$$c.fish || exit 1; done

man: ## the manual pages, into bin/man1
	mkdir -p $(BIN)
	$(GO) build -o $(BIN)/ergo-record ./cmd/record
	$(GO) build -o $(BIN)/ergo-analyze ./cmd/analyze
	$(GO) build -o $(BIN)/ergo-fleet ./cmd/fleet
	$(BIN)/ergo-record man $(BIN)/man1
	$(BIN)/ergo-analyze man $(BIN)/man1
	$(BIN)/ergo-fleet man $(BIN)/man1

snapshot: ## archives, packages, checksums and bills of materials as a release has them, into dist; publishes nothing
	$(GO) run $(GORELEASER) release --snapshot --clean

# Tests are linked without debug tables, which is quicker. Who looks with
# a debugger calls go test. Two packages more than there are processors run at a
# time, for some of them wait: for a lease, for a disk, for another process.
PROCESSORS := $(shell getconf _NPROCESSORS_ONLN || echo 2)
TEST := $(GO) test -ldflags=-w -p $(shell expr $(PROCESSORS) + 2)

test: ## every test; ERGO_CAPTURES=DIR adds those over a folder of captures
	$(TEST) $(PKGS)

test-long: ## every test with all its cases: every cut, every fault, every capture
	LONG=1 $(TEST) -timeout 60m $(PKGS)

test-short: ## what is quick of them; make lint vets
	$(TEST) -short -vet=off $(PKGS)

race: ## every test under the race detector, in its short form: over a quarter of an hour of CPU (BENCHMARKS.md, Soak)
	$(GO) test -race -short -timeout 90m $(PKGS)

# Where goroutines share something; CI runs this.
race-short:
	$(GO) test -race -short -timeout 10m ./door ./archive/attach ./ergo/live ./ergo/observer/... ./ergo/wire/... ./recorder/control
	$(GO) test -race -short -timeout 10m -run 'Storage|Full|Refused|Hanging|Incident' ./recorder
	$(GO) test -race -short -timeout 10m -run 'WhileOpen|Meanwhile|WhileWriting|WhileRewritten|RecordsCome' ./archive
	$(GO) test -race -short -timeout 10m -run TestSeeds ./internal/soak -seeds 6
	$(GO) test -race -short -timeout 10m ./fleet/lease ./fleet/ship ./fleet/link

arm: ## builds for 32-bit ARM, and the tests of limits in a 32-bit process
	CGO_ENABLED=0 GOARCH=arm GOARM=7 $(GO) build -o /dev/null ./cmd/record
	CGO_ENABLED=0 GOARCH=arm GOARM=7 $(GO) build -o /dev/null ./cmd/analyze
	CGO_ENABLED=0 GOARCH=arm GOARM=7 $(GO) build -o /dev/null ./cmd/fleet
	CGO_ENABLED=0 GOARCH=386 $(GO) test ./archive/internal/codec/...
	CGO_ENABLED=0 GOARCH=386 $(GO) test -short -run 'Limit|Crafted|Hostile|Reserve' ./archive/... ./ergo/wire/internal/... ./ergo/observer ./recorder/ingest

SEEDS ?= 10000
HOURS ?= 24
soak: ## SEEDS half minutes, and HOURS of one life, of a recorder whose disk, network and clock fail; FIRST=n begins with another seed
	$(GO) test -timeout 0 -count=1 -v -run TestSeeds ./internal/soak -seeds $(SEEDS) -first $(or $(FIRST),1) | grep -v -e '=== RUN' -e '    --- PASS'
	$(GO) test -timeout 0 -count=1 -v -run TestSoak ./internal/soak -hours $(HOURS)

fleet-soak: ## a hundred recorders of a fleet killed with -9, and storms of partitions; every test of a fleet with all its cases
	LONG=1 $(GO) test -timeout 60m -count=1 -v ./fleet/... | grep -v -e '=== ' -e '    --- PASS'

SCALE ?= 1
fleet-scale: ## 10 recorders of 50 nodes with 1,000 processes: ten minutes without an engine, takeovers; SCALE=0.1 a tenth of the nodes
	SCALE=$(SCALE) $(GO) test -timeout 60m -count=1 -v -run TestScale ./fleet/member

FLEET ?= 10,50,40
fleet-month: build ## what a report of an hour of a month of a fleet fetches; FLEET=recorders,nodes of each,processes BESIDE=length of the segments beside the hour
	ANALYZE='$(CURDIR)/$(BIN)/analyze' FLEET=$(FLEET) $(GO) test -timeout 60m -count=1 -v -run TestMonth ./fleet/ask

screenshots: ## the pictures of README and docs, with Debian's chromium
	WEB_SHOTS='$(CURDIR)/docs' $(GO) test -count=1 -run TestScreenshots ./web

roads: ## the captures of ERGO_CAPTURES=DIR recorded over every road that a replay serves; writes docs/roads.md
	$(GO) test -timeout 20m -count=1 -run TestRoads ./internal/roads -doc $(CURDIR)/docs/roads.md

matrix: ## the whole matrix of recordings and edits, ERGO_CAPTURES=DIR with those captures; its totals go into BENCHMARKS.md
	MATRIX=whole MATRIX_WRITE=1 $(GO) test -timeout 6h -run "TestWholeMatrix|TestNothingIsSaid" -v ./internal/metamorph

lint: ## vet, staticcheck, gofumpt, code that nothing reaches, go.mod as tidy has it
	$(GO) mod tidy -diff
	$(GO) vet $(PKGS)
	$(GO) run $(STATICCHECK) $(PKGS)
	@out="$$($(GO) run $(DEADCODE) -test $(PKGS))"; \
	  if [ -n "$$out" ]; then echo "nothing reaches:"; echo "$$out"; exit 1; fi
	@out="$$($(GO) run $(GOFUMPT) -l $$(git ls-files '*.go'))"; \
	  if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi

bench: ## benchmarks, COUNT times each; BENCH=regexp
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKGS)

bench-compare: ## this tree against REF=…, by benchstat
	./bench/compare.sh "$(REF)" "$(BENCH)" "$(COUNT)"

figures: ## what BENCHMARKS.md says, measured again, with machine, load and commit; SECTION='peers scans' some of it (bench/figures.sh list), QUICK=1 in the smallest form, to see that it runs
	./bench/figures.sh $(SECTION)

scale: build ## how cost grows with processes, nodes, hours, findings, lines and segments; CASE=one of them, or processes-hour, nodes-hour, segments-many, day
	$(GO) build -o $(BIN)/scale ./internal/scale
	$(BIN)/scale -bin $(BIN) -case '$(CASE)' -head "$$(date -u +%Y-%m-%d), commit $$(git rev-parse --short HEAD), $$(nproc) cores, $$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $$($(GO) env GOVERSION), load average $$(cut -d' ' -f1 /proc/loadavg)"

fuzz: ## every fuzz target for SECONDS_EACH seconds
	./.ci/fuzz $(SECONDS_EACH)

demo: build ## replay a real incident as a live cluster, record that, say what went wrong
	./testdata/demo.sh

clean:
	rm -rf $(BIN)
