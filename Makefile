# `make forecast` and `make test` need only Python and make: the first call of each makes `.venv` and installs
# the project there (editable, so a change in the sources needs no second installation); later calls start at
# once, until pyproject.toml changes. All paths are relative: the folder's own path may hold spaces.

PYTHON ?= python3
ARGS   ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: forecast test portability lint types bench clean help
.DEFAULT_GOAL := help

help:
	@echo "make forecast   forecast a real series into forecast-output/  (ARGS=\"FILE.csv --horizon 24\" for yours)"
	@echo "make test       run the tests  (ARGS=\"-k ridge\" for some of them)"
	@echo "make portability   the tests as on other processors, versions and file systems (ARGS=\"--list\")"
	@echo "make lint       ruff: rules and format"
	@echo "make types      mypy"
	@echo "make bench      speed and accuracy beside other libraries  (ARGS=\"--help\" lists them)"
	@echo "make clean      remove the virtual environment, caches and outputs"

forecast: .venv/plot.stamp
	$(BIN)/forecast --out forecast-output $(ARGS)

test: .venv/dev.stamp
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

portability: .venv/dev.stamp
	$(BIN)/python -m tests.portability --write $(ARGS)

lint: .venv/dev.stamp
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: .venv/dev.stamp
	$(BIN)/python -m mypy

bench: .venv/bench.stamp
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache forecast-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per extra: `plot`, `dev` or `bench` of pyproject.toml.
.venv/%.stamp: .venv/created.stamp pyproject.toml
	$(PIP) install --editable ".[$*]"
	@touch $@

.venv/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit("make: Python 3.10 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + "; name another by PYTHON=python3.12" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "make: $(PYTHON) comes without its venv module (on Debian and Ubuntu: the package python3-venv)"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@
