# Everything that CI runs can be run by hand. `make` lists the targets.

TOOL = go tool -modfile=internal/tools/go.mod
LINT = go tool -modfile=internal/tools/lint/go.mod golangci-lint

.PHONY: help generate check test race lint fmt cover fuzz bench ci

help:     ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
generate: ## write what is generated from manifest/
	go generate ./...
check:    ## fail if something generated is stale
	go run ./cmd/closegen -check -out closeapi -routes emulator/routes.go -reference docs/reference
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
cover:    ## statement coverage of the hand-written packages
	go test -coverpkg=.,./internal/codec,./manifest/...,./generator/...,./runtime/... -coverprofile=cover.out . ./manifest/... ./generator/... ./runtime/... ./closeapi/... ./internal/...
	go tool cover -func=cover.out | tail -1
fuzz:     ## every fuzz target for a minute
	scripts/fuzz.sh 60s
bench:    ## measure against the peers (see bench/README.md)
	bench/all.sh
ci:       ## what CI runs
	.ci/run
