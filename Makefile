# streamsql: every target works on a fresh machine that has Go.

GO        ?= go
BIN       := bin/streamsql
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Sizes of what takes long; raise them for a longer run.
FUZZTIME  ?= 1m
SOAKTIME  ?= 10m
EVENTS    ?= 10000000

.PHONY: build demo test check vet race memcheck bench bench-flink bench-kafka fuzz soak docs clean

build: ## the binary, static
	CGO_ENABLED=0 $(GO) build -o $(BIN) ./cmd/streamsql

demo: build ## the main job on a file of events: windows closing, kill -9, resume, same answer
	./docs/examples/demo/run.sh $(BIN)

test: check ## everything that must pass before a change lands
	$(GO) test $$($(GO) list ./... | grep -v /tests/)
	$(GO) test -count=1 ./tests/... # they run the program: a cached result would be of an older one

check: ## format, vet, static analysis
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt: $$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

race: ## the tests under the race detector
	$(GO) test -race ./...

memcheck: ## operators and golden tests with state that faults when it is used wrongly (Linux)
	$(GO) test -tags memcheck -timeout 30m ./statestore/... ./exec/... ./tests/sql

bench: build ## the goals of docs/benchmarks.md, measured here
	EVENTS=$(EVENTS) ./tests/bench/run.sh $(BIN) queries
	EVENTS=$(EVENTS) ./tests/bench/run.sh $(BIN) curves

bench-flink: build ## the same queries through Flink SQL in the same run, and the ratios
	EVENTS=$(or $(FLINK_EVENTS),2000000) ./tests/bench/run.sh $(BIN) flink

bench-kafka: build ## jobs between topics of a real broker: latency, rows/s, CPU time
	$(GO) run ./tests/bench/kafka --binary $(BIN) latency $(KAFKA_LATENCY)
	$(GO) run ./tests/bench/kafka --binary $(BIN) throughput --rows $(EVENTS) $(KAFKA_THROUGHPUT)

fuzz: ## every fuzz target, FUZZTIME each
	@for p in $$($(GO) list ./...); do \
	  for t in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
	    echo "== $$p $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; done

soak: ## long random histories: many combinations of the golden tests, crashes, state
	STREAMSQL_SOAK=$(SOAKTIME) $(GO) test -timeout 0 ./tests/... ./statestore/... ./connectors/kafka/producer

docs: ## the generated pages
	$(GO) run ./cmd/streamsql docs ./docs

clean:
	rm -rf bin .cache
