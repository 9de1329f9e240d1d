# Everything a newcomer needs: `make figures` or `make test` alone sets up all the rest.

PYTHON ?= python3
BIN := .venv/bin
SWEEP ?= default
PARTS ?=
DEVICE ?= cpu
KILLS ?= 200

.DEFAULT_GOAL := help
.PHONY: help setup figures docs-figures docs report status test peers smoke soak lint bench clean

help: ## every target, one line each
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

setup: .venv/.complete ## the virtual environment (.venv); quick when nothing changed

.venv/.complete: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "byzdl needs Python >= 3.11; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

figures: setup ## run what is missing of the default sweep, draw its curves and tables (SWEEP=NAME for another)
	$(BIN)/python train.py -cd sweeps -cn $(SWEEP)
	$(BIN)/byzdl figures outputs/$(SWEEP)

report: setup ## one HTML page of the default sweep, once it has run (SWEEP=NAME for another)
	$(BIN)/byzdl report outputs/$(SWEEP)

docs-figures: setup ## draw the figures of docs/ again, from the tables that are committed beside them
	$(BIN)/python docs/figures.py

docs: setup ## build the documentation site into site/, strictly
	$(BIN)/python docs/catalogue.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

status: setup ## how the runs of the default sweep stand (SWEEP=NAME for another)
	$(BIN)/byzdl status outputs/$(SWEEP)

test: setup ## the whole test suite
	$(BIN)/python -m pytest -n 2

peers: .venv/.peers ## our rules, attacks and splits beside those of other libraries
	$(BIN)/python -m pytest tests/peers

.venv/.peers: .venv/.complete
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,peers]'
	@touch $@

smoke: setup ## the CI sweep on tiny configs: run, skip what is done, draw
	rm -rf outputs/smoke
	$(BIN)/python train.py -cd sweeps -cn smoke
	$(BIN)/python train.py -cd sweeps -cn smoke
	$(BIN)/byzdl figures outputs/smoke
	$(BIN)/byzdl report outputs/smoke

soak: setup ## sweeps killed again and again must leave every run whole (KILLS=200); minutes long, Linux
	$(BIN)/python tests/soak.py --kills $(KILLS)

lint: setup ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup .venv-byzfl/.complete ## how fast it is (PARTS="rounds rules decisions scaling startup", DEVICE=cuda); half an hour, on a quiet machine
	$(BIN)/python -m benchmarks $(PARTS) --device $(DEVICE) --byzfl .venv-byzfl/bin/python

.venv-byzfl/.complete:
	$(PYTHON) -m venv .venv-byzfl
	.venv-byzfl/bin/python -m pip install --quiet --disable-pip-version-check byzfl
	@touch $@

clean: ## remove what was made here: environments, caches, decoded data; outputs stay
	rm -rf .venv .venv-byzfl .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build site data/cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
