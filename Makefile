# Each target does all its own set-up: Python >= 3.11, make and a package index are enough.
# Another interpreter: make PYTHON=python3.12 test. Runs with GNU make from 3.81 on (macOS has that).

PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
WORKERS ?= 2
VENV    := .venv
BIN     := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
# One thread a worker: two workers with two torch threads each are slower than one.
PYTEST  := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: help quickstart test test-all test-report test-vllm lint docs page venv clean

help:
	@echo 'make quickstart  set up, then align SmolLM2-135M on 24 prompts (typed again, it does nothing)'
	@echo 'make test        set up, then style, types, architecture and the fast tests with coverage'
	@echo 'make test-all    the same with the slow tests'
	@echo 'make test-report the pages of a report in a real Chromium, which must be installed'
	@echo 'make test-vllm   the generator vllm over a real vLLM, which UDASA_VLLM_PYTHON names'
	@echo 'make lint        style, types and architecture alone'
	@echo 'make docs        write the generated tables of docs/configuration.md anew'
	@echo 'make page        run the quickstart, and make docs/quickstart.html and its picture anew'
	@echo 'make venv        set up the development environment in $(VENV)'
	@echo 'make clean       remove $(VENV) and what tools left behind (runs/ stays)'

quickstart: $(VENV)/.installed
	$(BIN)/udasa run

test: lint
	$(PYTEST) --cov --cov-report=term:skip-covered --cov-fail-under=90

test-all: lint
	$(PYTEST) -m 'not browser and not vllm' --cov --cov-report=term:skip-covered --cov-fail-under=90

# Another Chromium: make test-report UDASA_BROWSER=/path/to/chrome
test-report: venv
	$(INSTALL) -e '.[dev,report-test]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/core/page

# With a vLLM in an environment of its own: make test-vllm UDASA_VLLM_PYTHON=/path/to/python
test-vllm: venv
	@test -n '$(UDASA_VLLM_PYTHON)' || { echo 'Name an interpreter that holds vLLM: make test-vllm UDASA_VLLM_PYTHON=/path/to/python' >&2; exit 1; }
	OMP_NUM_THREADS=1 UDASA_VLLM_PYTHON='$(UDASA_VLLM_PYTHON)' $(BIN)/python -m pytest -s -m vllm tests/plugins

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: venv
	$(BIN)/python docs/generate.py

# Where a Chromium is, as for test-report, README's picture is taken, too.
page: venv
	$(INSTALL) -e '.[dev,report-test]'
	$(BIN)/python -m docs.quickstart_page

venv: $(VENV)/.installed-dev

# A stamp is older than its causes when something must be installed again.
$(VENV)/.installed: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	$(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/pyvenv.cfg:
	@test -n '$(PYTHON)' || { echo 'No Python >= 3.11 was found. Name one: make PYTHON=/path/to/python3.11 quickstart' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
