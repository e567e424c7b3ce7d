# farmwall. "make help" lists what there is.

GO       ?= go
FUZZTIME ?= 10s
DIST     := dist
SYSTEMS  := linux darwin windows
MACHINES := amd64 arm64
# Programs of the administrator stand outside an ordinary user's PATH on Debian.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help build setup setup-demo demo test check fuzz soak bench release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./farmwall
	CGO_ENABLED=0 $(GO) build -trimpath -o farmwall ./cmd/farmwall

setup: ## install what the tests need (as root; otherwise name the command)
	@.ci/setup test

setup-demo:
	@.ci/setup demo

demo: setup-demo build ## the whole story on a farm inside this machine, in under a minute
	./farmwall demo

test: setup ## all tests, with the race detector
	$(GO) test -race -p 2 -timeout 60m ./...

check: ## what has to be right before a change goes in: format, vet, shell scripts, tests
	@.ci/lint
	@$(MAKE) --no-print-directory test

fuzz: ## each fuzz target for FUZZTIME (10s)
	@.ci/fuzz $(FUZZTIME)

soak: setup ## the full numbers of the long tests
	FARMWALL_SOAK=1 $(GO) test -p 1 -timeout 4h ./...

bench: setup ## measure: speed on 100 hosts against a floor, memory, planning
	FARMWALL_BENCH=1 $(GO) test -count 1 -v -run '^TestBench(Inventory|Windows)?$$' -timeout 1h ./cmd/farmwall
	$(GO) test -p 1 -run '^$$' -bench . -benchmem -timeout 1h ./...

release: ## programs for linux, darwin and windows on amd64 and arm64, in dist/, with SHA256SUMS
	rm -rf $(DIST) && mkdir $(DIST)
	set -e; for os in $(SYSTEMS); do for arch in $(MACHINES); do \
	  end=; [ $$os = windows ] && end=.exe; \
	  echo "$$os/$$arch"; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '-s -w' -o $(DIST)/farmwall-$$os-$$arch$$end ./cmd/farmwall; \
	done; done
	cd $(DIST) && sha256sum farmwall-* > SHA256SUMS && cat SHA256SUMS

clean: ## remove what was built
	rm -rf $(DIST) build farmwall
