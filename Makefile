# Everything that CI runs can be run by hand. `make` lists the targets.

TOOL = go tool -modfile=internal/tools/go.mod
LINT = go tool -modfile=internal/tools/lint/go.mod golangci-lint

.PHONY: help generate check test race lint fmt api cover fuzz vuln release bench ci

help:     ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
generate: ## write what is generated from manifest/
	go generate ./...
check:    ## fail if something generated is stale
	scripts/check-generated.sh
test:     ## all tests; needs only Go
	go test ./...
race:     ## all tests with the race detector
	go test -race ./...
lint:     ## vet, gofumpt, golangci-lint
	go vet ./...
	test -z "$$($(TOOL) gofumpt -l $$(git ls-files '*.go'))"
	$(LINT) run ./...
fmt:      ## format everything
	$(TOOL) gofumpt -w $$(git ls-files '*.go')
api:      ## compare the exported API with the newest release
	scripts/apidiff.sh
cover:    ## statement coverage of the hand-written packages
	go test -coverpkg=.,./internal/...,./manifest/...,./generator/...,./runtime/... -coverprofile=cover.out . ./manifest/... ./generator/... ./runtime/... ./closeapi/... ./internal/...
	go tool cover -func=cover.out | tail -1
fuzz:     ## every fuzz target for a minute, and a million inputs against the schemas and the strict forms
	scripts/fuzz.sh 60s
	go test ./closeapi/tools -run '^Test(Schema|Strict)IsOracle$$' -inputs 1000000 -timeout 2h
vuln:     ## scan for vulnerabilities against the latest database
	scripts/vuln.sh -latest
release:  ## build the binaries of a release into dist/
	scripts/release.sh
bench:    ## measure against the peers (see bench/README.md)
	bench/all.sh
ci:       ## what CI runs
	.ci/run
