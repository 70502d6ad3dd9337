# Two commands: `make demo` shows what covpool is for; `make test` sets itself up and runs the fast tests.
.PHONY: demo test test-slow faults soak audit lint help clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo

help:
	@echo "make demo       compare average, covariance and iSQRT pooling on real digits; writes $(DEMO)/report.html"
	@echo "make test       lint, types and the fast tests"
	@echo "make test-slow  the long tests: every timm family, published sizes"
	@echo "make faults     kill, starve and corrupt runs on purpose, and compare what they end with; SEED=7 KILLS=500"
	@echo "                STEPS=1000 set the moments, their number and the steps of the numerics"
	@echo "make soak       two hours of training over a growing set; fails if memory, time or files creep; MINUTES=20"
	@echo "make audit      ask about known vulnerabilities of the locked versions, or compare their hashes"
	@echo "make clean      remove $(VENV) and $(DEMO)"

demo: $(VENV)/demo.stamp
	rm -rf $(DEMO)
	$(BIN)/covpool compare --data mnist5k --backbones conv4 --pools avg,covariance,isqrt --seeds 3 --out $(DEMO)
	@echo "Open $(DEMO)/report.html in a browser; the numbers are in $(DEMO)/results.json."

test: lint
	$(BIN)/python -m pytest -n 2 -m "not slow and not gpu and not faults"

test-slow: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m "slow and not gpu and not faults"

SEED ?= 0
KILLS ?= 100
STEPS ?= 5000
faults: $(VENV)/dev.stamp
	FAULT_SEED=$(SEED) FAULT_KILLS=$(KILLS) $(BIN)/python -m pytest tests/faults --ignore tests/faults/test_numerics.py
	FAULT_STEPS=$(STEPS) $(BIN)/python -m pytest -n 2 tests/faults/test_numerics.py

MINUTES ?= 120
soak: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

audit: $(VENV)/dev.stamp
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/python .ci/audit.py

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(DEMO)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "covpool needs Python 3.11 or newer; $(PYTHON) is older. Run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[demo]"
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

.PHONY: api
api: $(VENV)/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m house.public_api
