# What a developer runs. Each target needs only make and a Python of 3.11 or newer: it sets up .venv by itself,
# with uv where that is installed, and otherwise with a uv that it puts into .venv.

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak check audit bench screenshots package clean

BIN := .venv/bin
READY := .venv/.ready
MINIMUM := import sys; sys.exit(sys.version_info < (3, 11))

export UV_PROJECT_ENVIRONMENT := .venv

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## Install cma-top and its tools into .venv

demo: $(READY) ## Run the demo: no account and no network needed (ARGS="--help")
	@$(BIN)/cma-top demo $(ARGS)

test: $(READY) ## Run the tests on every core; some of them on one (ARGS="tests/test_text.py -k first")
	$(BIN)/pytest $(or $(ARGS),--numprocesses auto --dist loadfile --no-loadscope-reorder)

soak: $(READY) ## Run 10,000 schedules of faults and 500 lives of a client against the live engine, six hours of an event every second, 5,000 sessions against the naive figures, 40 kills while tracing, 500 while recording, every command on every kind of output (SEEDS=1000 KILLS=9)
	CMA_TOP_SEEDS=$(or $(SEEDS),10000) $(BIN)/pytest tests/source/test_schedules.py
	CMA_TOP_MACHINES=$(or $(MACHINES),500) $(BIN)/pytest --timeout 3600 tests/source/test_machine.py
	CMA_TOP_HOURS=$(or $(HOURS),6) $(BIN)/pytest tests/source/test_hours.py
	CMA_TOP_SESSIONS=$(or $(SESSIONS),5000) $(BIN)/pytest --timeout 3600 tests/session/test_figures.py
	CMA_TOP_KILLS=$(or $(KILLS),40) $(BIN)/pytest tests/mirror/test_process.py tests/mirror/test_kills.py
	CMA_TOP_EVERYWHERE=1 $(BIN)/pytest tests/cli/test_everywhere.py
	CMA_TOP_RECORDER_KILLS=500 $(BIN)/pytest --timeout 3600 tests/log/test_recording.py

check: $(READY) ## Check format, lint, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory audit

audit: $(READY) ## Look up known weaknesses of what the lock holds, where that can be asked
	@uv=$$(command -v uv || echo $(BIN)/uv); \
	if ! [ -x "$$uv" ]; then echo "Not audited: no uv here"; exit 0; fi; \
	if said=$$(UV_HTTP_RETRIES=0 $$uv audit --quiet --locked --no-dev --preview-features audit-command 2>&1); then \
	    echo "No known weakness in what the lock holds"; \
	elif echo "$$said" | grep -q "error sending request"; then \
	    echo "Not audited: the list of weaknesses cannot be asked from here"; \
	else \
	    echo "$$said"; exit 1; \
	fi

bench: $(READY) ## Run the benchmarks
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(READY) ## Make the pictures of the README again
	$(BIN)/python -m screenshots $(ARGS)

package: $(READY) ## Build wheel and sdist, and try the wheel in an environment of its own
	@rm -rf dist && $(BIN)/uv build --quiet
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && set -e; \
	$(BIN)/uv venv --quiet --no-project "$$folder/venv"; \
	$(BIN)/uv pip install --quiet --python "$$folder/venv" dist/*.whl; \
	log=$$PWD/tests/data/recordings/langsmith-sdk/custom_tools/events.jsonl; \
	cd "$$folder"; export CMA_TOP_STATE_DIR="$$folder/state" CMA_TOP_CACHE_DIR="$$folder/cache"; \
	venv/bin/cma-top --version; \
	venv/bin/cma-top tail "$$log" --json | head -2 | wc -l; \
	venv/bin/cma-top stats "$$log" | head -3; \
	venv/bin/cma-top export "$$log" --format csv | head -1; \
	venv/bin/cma-top doctor | head -1; \
	ls venv/share/cma-top/examples

clean: ## Remove caches and build results (.venv stays)
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache snapshot_report.html
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Without uv: a Python that fits makes .venv, and uv goes into it; where uv cannot be had or cannot install, pip
# does without the lock.
$(READY): pyproject.toml uv.lock
	@set -e; \
	fits() { "$$1" -c '$(MINIMUM)' >/dev/null 2>&1; }; \
	fail() { echo "make: $$1" >&2; exit 1; }; \
	if command -v uv >/dev/null 2>&1; then \
	    echo "Setting up .venv with uv"; \
	    uv sync --quiet --locked; \
	else \
	    python=$(BIN)/python; \
	    if ! fits $$python; then \
	        found=; \
	        for candidate in python3.13 python3.12 python3.11 python3; do \
	            if fits $$candidate; then found=$$candidate; break; fi; \
	        done; \
	        [ -n "$$found" ] || fail "cma-top needs Python 3.11 or newer, and none is on the PATH"; \
	        echo "Setting up .venv with $$($$found --version)"; \
	        $$found -m venv --clear .venv \
	            || fail "$$found cannot make a virtual environment (Debian and Ubuntu: install python3-venv)"; \
	    fi; \
	    $$python -m pip --version >/dev/null 2>&1 || $$python -m ensurepip >/dev/null; \
	    log=.venv/setup.log; \
	    if { [ -x $(BIN)/uv ] || $$python -m pip install --quiet uv; } >$$log 2>&1 \
	        && $(BIN)/uv sync --quiet --locked --inexact >>$$log 2>&1; then :; \
	    else \
	        echo "No uv, or no way to install from the lock (see $$log): using pip, without the lock"; \
	        { $$python -m pip install --quiet --upgrade 'pip>=25.1' \
	            && $$python -m pip install --quiet --editable . --group dev; } >>$$log 2>&1 \
	            || fail "pip could not install it either (see $$log)"; \
	    fi; \
	fi
	@touch $@
