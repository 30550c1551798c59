.DEFAULT_GOAL := help
SHELL := bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
CLIENTS := tests/collector/clients
EMULATOR := .venv-bigquery
EMULATOR_PYTHON ?= python3.13
CLIENTS_READY := $(CLIENTS)/node_modules/.package-lock.json

# Nothing here reports to anybody.
export DO_NOT_TRACK := 1

.PHONY: help venv demo test lint lint-python lint-types lint-sql unit emulator emulator-snowflake platforms format parity bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## Make .venv with the pinned versions

$(READY): pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Build the demonstration: data, profiles, segments, a report
	$(BIN)/cdp demo

test: lint-python lint-types unit ## Run every check: style, types, SQL, tests

lint: lint-python lint-types lint-sql ## Check style, types and SQL

lint-python: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lint-types: $(READY)
	$(BIN)/mypy

lint-sql: $(READY)
	$(BIN)/sqlfluff lint models $(wildcard tests/data)

# A file goes to one worker, so that what its tests share is made once; tests/conftest.py says in
# which order.
unit: $(READY) $(CLIENTS_READY)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The clients of others that the collector is tested with; without npm those tests are skipped.
$(CLIENTS_READY): $(CLIENTS)/package-lock.json
	@if command -v npm > /dev/null && npm ci --silent --no-audit --no-fund --prefix $(CLIENTS); \
		then touch $@; else echo "Without npm the Node.js clients are not tested."; fi

emulator: $(EMULATOR)/.ready ## Install an emulator of BigQuery for its tests (Python 3.13, 560 MB)

# Without dependencies: the emulator asks for a DuckDB whose extensions are in no package registry.
$(EMULATOR)/.ready: tests/bigquery/requirements.txt
	$(EMULATOR_PYTHON) -m venv $(EMULATOR)
	$(EMULATOR)/bin/python -m pip install --quiet --no-deps --requirement $<
	@touch $@

emulator-snowflake: .venv-snowflake/.ready ## Install an emulator of Snowflake for its tests (340 MB)

.venv-snowflake/.ready: tests/snowflake/requirements.txt
	$(PYTHON) -m venv .venv-snowflake
	.venv-snowflake/bin/python -m pip install --quiet --requirement $<
	@touch $@

platforms: .venv-platforms/.ready ## Install Airflow, Dagster and schemas, to check docs/deploy with (610 MB)

.venv-platforms/.ready: tests/deploy/requirements.txt | $(READY)
	$(PYTHON) -m venv .venv-platforms
	$(BIN)/uv pip install --quiet --python .venv-platforms/bin/python --requirement $<
	@touch $@

format: $(READY) ## Rewrite the Python and SQL files in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix models $(wildcard tests/data)

parity: $(READY) ## Run the tests of each warehouse, and put the numbers into the README
	PYTHONPATH=tests/integration $(BIN)/python tests/parity.py

bench: $(READY) ## Run the timed benchmarks
	$(BIN)/python benchmarks/run.py

lock: $(READY) ## Pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --universal --upgrade --extra bigquery --extra dev --no-header \
		--output-file requirements.lock pyproject.toml

clean: ## Remove everything that make, dbt and the tests have made
	rm -rf $(VENV) $(EMULATOR) .venv-snowflake .venv-platforms $(CLIENTS)/node_modules build dist target logs dbt_packages .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
