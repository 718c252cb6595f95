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
# One worker per core, at most four: each worker makes a database of its own first.
PYTEST := $(VENV)/bin/python -m pytest -n logical --maxprocesses 4 --dist loadfile \
	$(if $(POLYARB_CI_NO_SKIP),-p tests.plugins.no_skip)

.DEFAULT_GOAL := help
.PHONY: help install run test test-fast test-postgres lint bench lock clean

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

run: install ## Start the portal: make run [FEED=..] [SPEED=..] [PORT=..]
	$(VENV)/bin/python manage.py up \
		$(if $(FEED),--feed $(FEED)) $(if $(SPEED),--speed $(SPEED)) $(if $(PORT),--port $(PORT))

test: install ## Run the whole test suite
	$(PYTEST)

test-fast: install ## Run the tests that are not marked slow
	$(PYTEST) -m "not slow"

test-postgres: install ## Run the whole test suite on PostgreSQL and Redis
	DATABASE_URL="$(DATABASE_URL)" REDIS_URL="$(REDIS_URL)" $(PYTEST)

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
