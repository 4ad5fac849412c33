# tapline: the two commands are `make demo` and `make test`. CONTRIBUTING.md explains the rest.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -X main.version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
TAPS        := tap-stripe tap-recharge

.PHONY: build demo test lint generate interop release bench compare soak postgres-versions stores size fuzz clean prerequisites

build: prerequisites ## the binaries, in bin/
	@mkdir -p bin
	@for tap in $(TAPS); do CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/$$tap ./$$tap; done
	@go build -trimpath -ldflags '$(LDFLAGS)' -o bin/target-warehouse ./target-warehouse
	@go build -o bin/fake-stripe ./tests/fake/stripe
	@go build -o bin/fake-recharge ./tests/fake/recharge

demo: build ## Stripe and Recharge data into demo/warehouse.duckdb, twice
	@examples/demo.sh

test: prerequisites lint ## everything that must hold
	@tests/postgres.sh
	@tests/s3.sh >/dev/null
	@tests/stores.sh >/dev/null
	go test -race -shuffle=on -timeout 50m $$(go list ./... | grep -vx tapline/tests)
	go test -timeout 50m -run AfterTheLastSync ./tap-stripe
	go test -shuffle=on -timeout 50m ./tests # whole processes, which the race detector does not see into

lint: prerequisites
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt differs: $$unformatted"; exit 1; }
	go vet ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...

interop: build ## the binaries with the tools that their users run them with
	@tests/postgres.sh
	@go build -o bin/postgres-for-tests ./tests/interop/postgres
	@tests/interop/run.sh

generate: ## schemas: Stripe's from its OpenAPI document, Recharge's from their tables
	go generate ./schemas

bench: build ## target-warehouse beside DuckDB's own readers and psql, tap-stripe beside Stripe's limits; BENCH and BENCH_TAP have flags, such as --scale 0.1
	@tests/postgres.sh
	@go build -o bin/bench ./tests/bench
	@go build -o bin/bench-tap ./tests/bench/tap
	@bin/bench --target bin/target-warehouse $(BENCH)
	@bin/bench-tap --tap bin/tap-stripe $(BENCH_TAP)

compare: build ## the binaries beside the tools of others: tests/compare/results.json and docs/comparison.md; COMPARE has flags, such as --quick
	@tests/postgres.sh
	@go build -o bin/postgres-for-tests ./tests/interop/postgres
	@go build -o bin/compare-inputs ./tests/compare/inputs
	@tests/compare/run.sh $(COMPARE)

soak: build ## the kills and random loads of the tests, many times over
	@tests/postgres.sh
	@tests/s3.sh >/dev/null
	@tests/stores.sh >/dev/null
	TAPLINE_SOAK=200 go test -count=1 -timeout 4h ./tests ./target-warehouse/destination/...
	TAPLINE_SOAK=1000 go test -count=1 -timeout 4h ./tap-stripe ./tap-recharge

postgres-versions: ## the tests of the destination PostgreSQL on 13, 14, 16, 17 and 18
	@tests/postgres-versions.sh

stores: prerequisites ## all tests of files on Google Cloud Storage and Azure; make test has those that take seconds
	@tests/stores.sh >/dev/null
	TAPLINE_STORES=1 go test -count=1 -timeout 20m -run '^(TestGoogleCloudStorage|TestAzure)$$' ./target-warehouse/destination/files

release: prerequisites ## archives, checksums and bills of materials of the last commit, in dist/
	@AGAIN=1 release/build.sh dist

size: ## lines of code and of tests by package
	@go run ./tests/size

fuzz: ## every fuzz test for FUZZTIME (default 30s)
	@tests/fuzz.sh $(or $(FUZZTIME),30s)

clean:
	rm -rf bin demo dist

prerequisites:
	@command -v go >/dev/null || { echo "Go 1.26 or later is needed: https://go.dev/dl"; exit 1; }
	@command -v "$$(go env CC)" >/dev/null || { echo "a C compiler is needed for DuckDB, and $$(go env CC) is not installed: on Debian, apt-get install gcc g++"; exit 1; }
