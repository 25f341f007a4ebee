# Nothing has to be done before any of these. `make demo` and `make up` install what running needs; `make test`,
# `make check` and `make bench` install the tools too. A stamp in .venv remembers what is there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
SYSTEM := $(VENV)/.stamp-system
PACKAGES := currency routing invoicing orchestrator simulators

# What WeasyPrint needs beside Python, and letters for every script an invoice may be written in.
APT_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-core fonts-noto-cjk fonts-liberation
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Many tests wait for processes: two workers for each core keep the cores busy (eight at most: each has servers of its own).
# They run in the order in which they were collected: tests/conftest.py puts the longest first, short ones fill the end.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? 2 * cores : 8)))

# Bytecode is kept whatever the shell says: every worker would compile all tests, and every server the whole product.
KEPT := PYTHONDONTWRITEBYTECODE=

.PHONY: help setup demo up doctor test tests compiled bench chaos pictures contact-sheet contract-coverage check lint types imports format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 28

setup: $(DEV) ## install everything (again: nothing to do, no time)

demo: $(RUNTIME) ## play a day of payments against simulated gateways
	@$(BIN)/clearway demo $(ARGS)

up: $(RUNTIME) ## run Clearway on a database it brings along
	@$(BIN)/clearway up $(ARGS)

doctor: $(RUNTIME) ## look at every part
	@$(BIN)/clearway doctor

test: $(DEV) ## lint, types, imports, then all tests
	@$(MAKE) --no-print-directory -j 2 compiled check
	@$(MAKE) --no-print-directory tests

tests: $(DEV) ## all tests only
	@$(KEPT) $(BIN)/pytest -q --cache-clear -n $(WORKERS) --dist loadfile --no-loadscope-reorder --hypothesis-profile build \
		|| $(KEPT) $(BIN)/python -m tests.again

# In a fresh checkout, beside the type checker, which has one core: what all workers would compile at once otherwise.
compiled: $(DEV)
	@test -d tests/__pycache__ || $(KEPT) $(BIN)/pytest -q --collect-only >/dev/null || true

bench: $(DEV) ## measure against baselines of the same run; ONLY=name runs one
	@ONLY=$(ONLY) $(BIN)/python -m tests.benchmarks

chaos: $(DEV) ## pay while everything is killed and breaks, then compare all books; SEED= PAYMENTS= KILLS=
	@SEED=$(SEED) PAYMENTS=$(PAYMENTS) KILLS=$(KILLS) $(BIN)/python -m tests.chaos

pictures: $(DEV) ## take the README's picture again, from the running console
	@$(BIN)/pytest -q tests/browser/test_checkout_failover.py -k outage
	@mkdir -p docs/images && cp build/screenshots/console-timeline-desk.png docs/images/timeline.png

contact-sheet: $(DEV) ## draw the documents of all kinds and languages anew, as docs/images/invoices.webp
	@$(BIN)/python -m tests.unit.invoicing.contact_sheet

contract-coverage: $(DEV) ## write docs/contract-coverage.md and docs/gateways.md anew from what is declared
	@$(BIN)/python tests/contract/coverage_matrix.py > docs/contract-coverage.md.new
	@mv docs/contract-coverage.md.new docs/contract-coverage.md
	@$(BIN)/python -m orchestrator.gateways.capability_table > docs/gateways.md.new
	@mv docs/gateways.md.new docs/gateways.md

check: lint types imports ## lint, types and imports only

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV)
	@$(BIN)/mypy

imports: $(DEV)
	@$(BIN)/lint-imports

format: $(DEV) ## bring the code into the one format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

clean: ## remove the virtual environment and caches; data of `make up` stays where it is
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python: | system-packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)

# The packages of the system: asked for on every run only when the stamp is missing, and installed only when absent.
.PHONY: system-packages
ifeq ($(wildcard $(SYSTEM)),)
system-packages:
	@missing=""; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing=" python3-venv"; \
	if command -v dpkg-query >/dev/null; then \
		for name in $(APT_PACKAGES); do \
			dpkg-query -W -f='$${Status}' "$$name" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$name"; \
		done; \
	else \
		echo "This is not a Debian: see that Pango, HarfBuzz (subset) and Noto fonts are installed; clearway doctor looks."; \
	fi; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing$$missing"; \
			export DEBIAN_FRONTEND=noninteractive; \
			apt-get update -qq; \
			apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		else \
			echo "These packages are missing. Install them, then run make again:"; \
			echo "  sudo apt-get update && sudo apt-get install$$missing"; \
			exit 1; \
		fi; \
	fi
else
system-packages: ;
endif

$(RUNTIME): requirements/runtime.txt requirements/assets.txt pyproject.toml | $(BIN)/python
	@touch $(SYSTEM)
	@echo "Installing what running needs ..."
	@$(PIP) --require-hashes -r requirements/runtime.txt
	@$(PIP) --require-hashes --no-deps -r requirements/assets.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo "Installing what testing needs ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
