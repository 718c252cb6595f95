# Everything that a person does with a checkout. `make` alone lists the targets.

PYTHON ?= python3
DATABASE_URL ?= postgres://portal:portal@127.0.0.1:5432/portal
REDIS_URL ?= redis://127.0.0.1:6379/0

# A full development environment takes 600 MB, and pip needs room to unpack.
INSTALL_DISK_MIB_MIN := 1200
# Starting a program must not mean compiling all of its libraries again.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
STAMP := $(VENV)/.installed
NAUTILUS_VENV := build/nautilus-venv
NAUTILUS_STAMP := $(NAUTILUS_VENV)/.installed

# The product. Tests take liberties with types that would need a cast a line.
CHECKED := $(wildcard manage.py polyarb_site trading alerts reports checks)
# A worker for each core: what trades against the clock misses its deadlines when more of them
# share one. At most four, for each makes a database of its own first.
WORKERS := $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 4 ? cores : 4)))
PYTEST_ALONE := $(VENV)/bin/python -m pytest $(if $(POLYARB_CI_NO_SKIP),-p tests.plugins.no_skip)
PYTEST := $(PYTEST_ALONE) -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install evm run test test-fast test-postgres lint bench lock clean

help: ## List the targets
	@echo "PolyArb portal. Targets:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  \1|/' \
		| awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

install: $(STAMP) ## Create .venv and install what the lock names

# The interpreter: $(PYTHON) if it is new enough, else the newest one on the PATH that starts.
# A name on the PATH is not enough, version managers leave names there that refuse to start.
$(STAMP): requirements-dev.lock
	@set -eu; \
	new_enough() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; \
	python=""; \
	for name in "$(PYTHON)" python3.13 python3.12 python3.11; do \
		if new_enough "$$name"; then python="$$name"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "make install: needs Python 3.11 or newer, '$(PYTHON)' is" \
			"$$("$(PYTHON)" --version 2>/dev/null || echo "not there");" \
			"install one, then: make install PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	free_mib=$$(df -Pm . | awk 'NR == 2 { print $$4 }'); \
	if [ "$$free_mib" -lt $(INSTALL_DISK_MIB_MIN) ]; then \
		echo "make install: only $$free_mib MiB free on this disk," \
			"$(INSTALL_DISK_MIB_MIN) MiB are needed; free some and say it again" >&2; \
		exit 1; \
	fi; \
	if ! new_enough $(VENV)/bin/python; then \
		"$$python" -m venv --clear $(VENV) >/dev/null || { \
			echo "make install: '$$python' has no venv module;" \
				"on Debian: apt-get install python3-venv" >&2; \
			exit 1; \
		}; \
	fi; \
	if [ ! -x $(VENV)/bin/uv ]; then \
		awk '/^uv==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements-dev.lock \
			> $(VENV)/uv.lock; \
		$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
			--require-hashes -r $(VENV)/uv.lock; \
	fi; \
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(VENV)/bin/python \
		--require-hashes -r requirements-dev.lock; \
	touch $(STAMP); \
	echo "make install: ready, $$($(VENV)/bin/python --version) in $(VENV)"

# The local chain's program and contracts come from npm, and stay out of the tree: the contracts'
# licence (LGPL) is kept by installing them. Without npm, or without a network, everything else
# works and the local venue settles on its own books.
EVM := build/evm
EVM_SOURCES := trading/simulator/evm
EVM_STAMP := $(EVM)/.installed
evm: $(STAMP) ## Install the local chain with npm, if npm is there
	@set -eu; \
	newest="$$(ls -t $(EVM_STAMP) $(EVM_SOURCES)/package-lock.json $(EVM_SOURCES)/compiling.py \
		$(EVM_SOURCES)/contracts/*.sol 2>/dev/null | head -n 1)"; \
	if [ "$$newest" = $(EVM_STAMP) ]; then exit 0; fi; \
	if ! npm --version >/dev/null 2>&1; then \
		echo "make evm: npm is not there, the local venue does without a chain" >&2; exit 0; \
	fi; \
	mkdir -p $(EVM); \
	cp $(EVM_SOURCES)/package.json $(EVM_SOURCES)/package-lock.json $(EVM)/; \
	if (cd $(EVM) && npm ci --silent --ignore-scripts --no-audit --no-fund --fetch-retries=1) \
		&& $(VENV)/bin/python -m trading.simulator.evm.compiling $(EVM); then \
		touch $(EVM_STAMP); echo "make evm: ready in $(EVM)"; \
	else \
		echo "make evm: npm could not install it, the local venue does without a chain" >&2; \
	fi

run: install evm ## Start the portal: make run [FEED=..] [SHADOW=1] [SPEED=..] [PORT=..]
	@$(VENV)/bin/python manage.py up \
		$(if $(FEED),--feed $(FEED)) $(if $(SHADOW),--shadow) \
		$(if $(SPEED),--speed $(SPEED)) $(if $(PORT),--port $(PORT))

# Whole installations that trade against the clock come last, one by one: a machine that is busy
# with other tests is not fit to trade, which the portal rightly says. Interrupted (2), it ends.
test: install evm ## Run the whole test suite
	@failed=0; \
	$(PYTEST) -m "not alone" || failed=$$?; \
	if [ $$failed = 2 ]; then exit 2; fi; \
	$(PYTEST_ALONE) -m alone || failed=$$?; \
	exit $$failed

# After each change: the engine, its edges and the house rules, which need no database. What is quick
# of a folder is run by IN, such as make test-fast IN=tests/checks.
QUICK := $(addprefix tests/,account engine execution feeds signer simulator wire test_tidy.py)
test-fast: install evm ## Run quick tests of engine and edges, or of a folder: IN=tests/checks
	$(PYTEST) -m "not slow$(if $(IN),, and not database)" $(or $(IN),$(QUICK))

# These know no database, so a second run on another one would tell nothing new. Nor would pages in
# a browser, which are the same whatever is behind them, or the benchmarks.
NO_DATABASE := account engine evm execution feeds signer simulation simulator wire
# ONLY: which marks a run shall take; LEFT_OUT: further folders that it shall leave out.
ONLY := not browser
test-postgres: install evm ## Run the tests that use a database on PostgreSQL and Redis
	DATABASE_URL="$(DATABASE_URL)" REDIS_URL="$(REDIS_URL)" $(PYTEST) -m "$(ONLY)" \
		$(addprefix --ignore=tests/,$(NO_DATABASE) $(LEFT_OUT)) --ignore=tests/test_bench.py

lint: install ## Check style, types and migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict $(CHECKED)
	$(VENV)/bin/python manage.py makemigrations --check --dry-run

# The other engine lives in a venv of its own: it is compared with, never depended on.
$(NAUTILUS_STAMP): $(STAMP)
	@mkdir -p build
	$(VENV)/bin/uv venv --quiet --clear --python $(VENV)/bin/python $(NAUTILUS_VENV)
	$(VENV)/bin/uv pip install --quiet --python $(NAUTILUS_VENV)/bin/python \
		nautilus_trader==1.221.0
	@touch $@

bench: install ## Measure the engine, also against another engine
	@$(MAKE) --no-print-directory $(NAUTILUS_STAMP) || \
		echo "make bench: nautilus_trader cannot be installed here, its figures stay empty" >&2
	$(VENV)/bin/python -m tests.bench

# Neither lock holds an address, so that each reader's own package index serves it.
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate pyproject.toml
lock: install ## Resolve pyproject.toml anew into both locks
	$(LOCK) $(LOCK_ARGS) --output-file requirements.lock
	$(LOCK) $(LOCK_ARGS) --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock

clean: ## Remove .venv, build/ and caches; data/ stays
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
