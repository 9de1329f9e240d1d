# All common commands. Those that need the virtual environment set it up first.

PYTHON ?= python3
BIN := .venv/bin
SWEEP ?= default
PARTS ?=
DEVICE ?= cpu
AGAINST ?=
SAMPLE ?= 40
KILLS ?= 200

.DEFAULT_GOAL := help
STUDIES := table text regression natural own_module arrays
.PHONY: help setup figures examples docs-figures docs report status test peers smoke soak lint bench clean

help: ## list all targets, a line each
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

setup: .venv/.complete ## create the virtual environment (.venv); quick if nothing changed

.venv/.complete: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "byzdl needs Python >= 3.11; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

figures: setup ## compute the missing runs of the default sweep, draw its curves and tables (SWEEP=NAME for another)
	$(BIN)/python train.py -cd sweeps -cn $(SWEEP)
	$(BIN)/byzdl figures outputs/$(SWEEP)

examples: setup ## run the six studies of examples/ in full, and draw their figures; takes minutes
	$(BIN)/python examples/data.py
	for study in $(STUDIES); do \
		$(BIN)/byzdl sweep examples/$$study.yaml && $(BIN)/byzdl figures outputs/examples/$$study || exit 1; \
	done
	$(BIN)/python examples/figures.py

report: setup ## make one HTML page of the finished default sweep (SWEEP=NAME for another)
	$(BIN)/byzdl report outputs/$(SWEEP)

docs-figures: setup ## draw the figures of docs/ again, from the committed tables beside them
	$(BIN)/python docs/figures.py

docs: setup ## build the documentation site into site/, strictly
	$(BIN)/python docs/catalogue.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

status: setup ## show which runs of the default sweep are done, running or missing (SWEEP=NAME for another)
	$(BIN)/byzdl status outputs/$(SWEEP)

test: setup ## run the whole test suite
	$(BIN)/python -m pytest -n 2

peers: .venv/.peers ## compare rules, attacks and splits with those of other libraries
	$(BIN)/python -m pytest tests/peers

.venv/.peers: .venv/.complete
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,peers]'
	@touch $@

smoke: setup ## run the CI sweep on tiny configs twice: the second skips finished runs; then draw
	rm -rf outputs/smoke
	$(BIN)/python train.py -cd sweeps -cn smoke
	$(BIN)/python train.py -cd sweeps -cn smoke
	$(BIN)/byzdl figures outputs/smoke
	$(BIN)/byzdl report outputs/smoke

soak: setup ## kill sweeps again and again, and check that every run is whole (KILLS=200); takes minutes, Linux only
	$(BIN)/python tests/soak.py --kills $(KILLS)

lint: setup ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup .venv-byzfl/.complete ## measure the speed (PARTS="rounds small sweep rules decisions scaling startup folders", SAMPLE=200, DEVICE=cuda), also beside a commit (AGAINST=HEAD~1); takes 40 minutes on a quiet machine
	$(BIN)/python -m benchmarks $(PARTS) --device $(DEVICE) --sample $(SAMPLE) --byzfl .venv-byzfl/bin/python $(addprefix --against ,$(AGAINST))

.venv-byzfl/.complete:
	$(PYTHON) -m venv .venv-byzfl
	.venv-byzfl/bin/python -m pip install --quiet --disable-pip-version-check byzfl
	@touch $@

clean: ## remove environments, caches and decoded data; outputs stay
	rm -rf .venv .venv-byzfl .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build site data/cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
