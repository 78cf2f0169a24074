# One way to do each thing. The work is in scripts/, so that it can be done
# without make.

# One set of flags for every build: another set would compile all of the
# dependencies again. The version comes from git, through the build's own
# information.
BUILD := -trimpath -buildvcs=auto
export CGO_ENABLED := 0

FUZZTIME ?= 30s
SCREENSHOTS ?= docs/images
PHOTOGRAPHED = $(addprefix ./,$(sort $(dir $(shell grep -rl --include='*_test.go' '^func TestScreenshots(' internal))))

.DEFAULT_GOAL := help
.PHONY: help build test foreign lint vulnerabilities bench fuzz soak generate screenshots clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the program into bin/
	go build $(BUILD) -o bin/ ./cmd/...

test: ## Run all tests; installs PostgreSQL and Chromium where missing. ARGS: as go test
	@scripts/test $(ARGS)

foreign: ## Have tools that are not ours verify a log that we serve (docs/auditors/log.md)
	COUNTERSIGN_TEST_REQUIRE=1 go test -count=1 -v -timeout 10m -run '^(TestForeign|TestScript)$$' ./internal/apptest

lint: ## Check formatting, go vet, staticcheck, go.mod
	@scripts/lint

vulnerabilities: ## Look for known vulnerabilities in what the program calls
	@scripts/vulnerabilities

bench: ## Print ratios against references measured in the same run (docs/PERFORMANCE.md)
	scripts/with-postgres go test -p 1 -run '^$$' -bench '^Benchmark(Ratio|Package|20kParts|50MB)' -benchtime 1x -timeout 1h $(or $(ARGS),./...)
	$(if $(ARGS),,cd tools/foreign && go test -run '^$$' -bench '^BenchmarkRatio' -benchtime 1x .)

fuzz: ## Run each fuzz target for FUZZTIME (30s)
	@scripts/fuzz $(FUZZTIME)

soak: ## Run the tests that take long by nature: kills under load, races, many times over
	COUNTERSIGN_TEST_SOAK=1 scripts/test -timeout 4h -count=1 $(ARGS) ./...

generate: ## Write the generated files anew
	go generate ./...

screenshots: ## Photograph the real pages into docs/images
	COUNTERSIGN_SCREENSHOTS=$(abspath $(SCREENSHOTS)) scripts/test -count=1 -run '^TestScreenshots$$' $(PHOTOGRAPHED)

clean: ## Remove what make build made
	rm -rf bin
