# Porthole's entry points. HACKING.md says more about each. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# Linked into one binary, so that it runs where no Swift is installed; the C libraries stay the system's.
RELEASE := -c release --static-swift-stdlib
SOURCES := Sources Tests Package.swift

# What `swift build` needs, and after it what the integration tests drive the binary with.
PACKAGES := libuv1-dev libnghttp2-dev libssl-dev libsqlite3-dev pkg-config \
  ca-certificates curl git nghttp2-client openssl python3 python3-venv

ASYNC_TESTS := RunnerTests|ControlPlaneTests|StoreTests

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: run
run: build ## Build, then start everything on this machine and print a preview URL
	.build/release/porthole up

.PHONY: build
build: deps ## Build the release binary, .build/release/porthole
	$(SWIFT) build $(RELEASE) --product porthole

.PHONY: test
test: deps ## Unit tests, then the release binary under Tests/Integration
	$(SWIFT) build --build-tests
	@# By themselves: they wait for the concurrency pool, which others fill with blocking sockets.
	$(SWIFT) test --skip-build --filter '^($(ASYNC_TESTS))\.'
	$(SWIFT) test --skip-build --skip '^($(ASYNC_TESTS))\.'
	$(SWIFT) build $(RELEASE) --product porthole
	@if [ -x Tests/Integration/run ]; then \
	  Tests/Integration/run .build/release/porthole; \
	else \
	  echo "make test: there is no Tests/Integration/run, only unit tests were run"; \
	fi

.PHONY: bench
bench: build ## Measure CPU per request and memory, by bench/run
	@if [ ! -x bench/run ]; then echo "make bench: bench/run is missing" >&2; exit 1; fi
	bench/run

.PHONY: lint
lint: ## Check the formatting (.swift-format); `make format` repairs it
	$(SWIFT) format lint --strict --parallel -r $(SOURCES)

.PHONY: format
format: ## Rewrite the sources in the house's format
	$(SWIFT) format --in-place --parallel -r $(SOURCES)

# --disable-xctest: we have no such tests, and the leaks of its runner would fail the run.
# Sanitizers build into folders of their own, or every change between them would build everything anew.
.PHONY: asan
asan: deps ## Unit tests under AddressSanitizer
	$(SWIFT) test --disable-xctest --sanitize=address --scratch-path .build/asan

.PHONY: tsan
tsan: deps ## Unit tests under ThreadSanitizer
	$(SWIFT) test --disable-xctest --sanitize=thread --scratch-path .build/tsan

.PHONY: fuzz-smoke
fuzz-smoke: deps ## Every fuzz target for a short time, by Tests/Fuzz/run
	@if [ ! -x Tests/Fuzz/run ]; then echo "make fuzz-smoke: there are no fuzz targets yet, Tests/Fuzz/run is missing" >&2; exit 1; fi
	Tests/Fuzz/run --smoke

# Installs what is missing where it may, and otherwise says what to type. Quick when nothing is missing.
.PHONY: deps
deps: ## Install the Debian packages that are missing, or say how
	@command -v $(SWIFT) >/dev/null || { \
	  echo "Swift 6.3 is missing. Install it from https://www.swift.org/install/linux/ and run make again." >&2; exit 1; }
	@command -v apt-get >/dev/null || { \
	  echo "Not Debian: make sure that these, or their like, are installed: $(PACKAGES)"; exit 0; }; \
	missing=""; \
	for package in $(PACKAGES); do \
	  [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null || true)" = installed ] || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -q && apt-get install -q -y --no-install-recommends $$missing; \
	else \
	  echo "Packages are missing. Install them and run make again:" >&2; \
	  echo "  sudo apt-get update && sudo apt-get install -y$$missing" >&2; \
	  exit 1; \
	fi
