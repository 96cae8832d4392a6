# The commands you need are `make run`, and `make check`, `make fast` or `make test`. `make help` lists all.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
BASE_IMAGE ?= python:3.11-slim-bookworm
TRAINER_IMAGE ?= rlpretrain-trainer:latest
AIRFLOW_IMAGE ?= rlpretrain-airflow:latest
# Values for the images' labels; SOURCE is the repository's address.
SOURCE ?=
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BUILD = docker build --build-arg BASE_IMAGE=$(BASE_IMAGE) --build-arg VERSION=$(VERSION) \
	--build-arg REVISION=$(REVISION) --build-arg SOURCE=$(SOURCE)
# One process more than cores, because tests that start Airflow wait much of the time.
PROCESSES ?= 3
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
EXAMPLES ?= 20000
WHEELS ?= .[airflow,fab,celery,kubernetes,openlineage,train]

# Variables that `make run` and `make ui` read; see docs/deployment.md.
export MARKET CATALOGUE COMPOSER_URL STORE_URL TRAINER PARAMS ARTIFACTS UI_PORT UI_HOME

.DEFAULT_GOAL := help
.PHONY: help run ui stop check fast test nightly fuzz install hooks trainer-image airflow-image wheelhouse sbom secrets clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: $(VENV)/installed ## Run the nightly DAG once under a local Airflow, and print the report's path
	@$(BIN)/python -m rlpretrain.deployment.local run

ui: $(VENV)/installed ## Start Airflow's UI with all runs, and leave it running
	@$(BIN)/python -m rlpretrain.deployment.local ui

stop: ## Stop what `make ui` has started
	@test ! -x $(BIN)/python || $(BIN)/python -m rlpretrain.deployment.local stop

check: $(VENV)/installed-dev ## Check style, types, import rules and unused names, in under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

fast: $(VENV)/installed-dev ## Run the tests that need no service and at most five seconds each, in about six minutes
	$(PYTEST) -m "not (slow or nightly or airflow or docker or postgres or market_data)"

test: check ## Run `make check`, then all tests
	.ci/system-parts
	$(PYTEST)

nightly: $(VENV)/installed-dev ## Repeat slow tests with more seeds and settings, for some hours
	$(PYTEST) -m nightly

fuzz: $(VENV)/installed-dev ## Give each reader of foreign input EXAMPLES arbitrary inputs, 20,000 if not said
	FUZZ_EXAMPLES=$(EXAMPLES) $(PYTEST) --timeout 0 tests/fuzz

install: $(VENV)/installed ## Create the environment only

hooks: $(VENV)/installed-dev ## Install the git hooks that check style and the subject of each commit
	$(BIN)/pre-commit install

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade -c constraints.txt pip  # older pips resolve for a quarter of an hour

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[airflow,train]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet -c constraints.txt -e '.[airflow,celery,kubernetes,dev]'
	@touch $@

trainer-image: ## Build the image that TRAINER=docker runs; offline with wheels in .wheelhouse
	$(BUILD) --file docker/trainer.Dockerfile --tag $(TRAINER_IMAGE) .

airflow-image: ## Build the Airflow image for docker-compose.yaml
	$(BUILD) --file docker/airflow.Dockerfile --tag $(AIRFLOW_IMAGE) .

wheelhouse: $(VENV)/installed ## Fetch the wheels of both images, so that they build offline
	$(BIN)/pip wheel --quiet -c constraints.txt --wheel-dir .wheelhouse pip 'setuptools>=80' async-timeout '$(WHEELS)'
	@# async-timeout: redis requires it on Python before 3.11.3, such as Debian's, but not on this one
	@rm -f .wheelhouse/rlpretrain-*.whl  # the images use the source itself

sbom: ## Write the contents of both images to sbom/, as pip inspect reports them
	@mkdir -p sbom
	docker run --rm --network none --entrypoint cat $(TRAINER_IMAGE) /opt/package/sbom.json >sbom/trainer.json
	docker run --rm --network none --entrypoint cat $(AIRFLOW_IMAGE) /opt/package/sbom.json >sbom/airflow.json

secrets: ## Write fresh random secrets for docker-compose.yaml to .secrets, and .env
	docker/make-secrets

clean: ## Remove the environment and Airflow's local files; artifacts stay
	-@test ! -d .airflow || $(BIN)/python -m rlpretrain.deployment.local stop
	rm -rf $(VENV) .airflow .wheelhouse sbom build
