# `make run` is all one needs to start; see README.md.
PYTHON ?= python3
VENV := .venv
ENGINE := $(VENV)/engine
PORT := $(or $(HTTP_PORT),8000)
# More options of `python -m infra.local`, for example: make run ARGS="--identity open --schedule 10"
ARGS ?=

.PHONY: setup run seed check test bench

setup: $(VENV)/.run.stamp $(ENGINE)/.stamp

run: setup
	@$(VENV)/bin/python -m infra.local $(if $(STATE),--state "$(STATE)") $(ARGS)

seed: setup
	@$(VENV)/bin/python -m infra.local.seed http://localhost:$(PORT)

check: $(VENV)/.test.stamp
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy layers/shared/python/stays functions infra

test: setup $(VENV)/.test.stamp
	$(VENV)/bin/python -m pytest tests/unit tests/integration --cov --cov-report=term:skip-covered
	$(VENV)/bin/python -m pytest tests/e2e

bench: setup
	@$(VENV)/bin/python -m infra.local.bench $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed: make run PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run.stamp: layers/dependencies/requirements.txt infra/local/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r layers/dependencies/requirements.txt -r infra/local/requirements.txt
	@touch $@

$(VENV)/.test.stamp: requirements.txt $(VENV)/.run.stamp
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(ENGINE)/.stamp: infra/local/engine.txt | $(VENV)/bin/python
	$(PYTHON) -m venv $(ENGINE)
	$(ENGINE)/bin/python -m pip install --quiet --disable-pip-version-check -r infra/local/engine.txt
	@touch $@
