# Set-up and everyday commands. `make help` lists them.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PINNED := pyproject.toml constraints.txt

comma := ,
# Of score, viz and lineage: the environment and the data root of the run, where they are not the
# default ones.
ENV ?=
DATA_ROOT ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.installed ## Set up, then run every pipeline on the shipped pairs
	$(BIN)/kedro run

.PHONY: test
test: $(VENV)/.installed-test ## Set up with the test extras, then run the tests
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

.PHONY: lint
lint: $(VENV)/.installed-test ## Check formatting, style, types and the floors between modules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: viz
viz: $(VENV)/.installed ## Set up, then show the pipelines in the browser
	$(BIN)/kedro viz run $(if $(ENV),--env=$(ENV)) $(if $(DATA_ROOT),--params=data_root=$(DATA_ROOT))

MODEL ?= lora

.PHONY: score
score: $(VENV)/.installed ## Score the pairs of a file: make score PAIRS=new.jsonl MODEL=lora
	$(if $(PAIRS),,$(error found no PAIRS, expected a file: make score PAIRS=new.jsonl))
	$(BIN)/kedro run --pipelines=scoring $(if $(ENV),--env=$(ENV)) \
		--params="new_pairs=$(PAIRS),scoring_model=$(MODEL)$(if $(DATA_ROOT),$(comma)data_root=$(DATA_ROOT))"

.PHONY: docs
docs: $(VENV)/.installed-test ## Build the documentation site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: lineage
lineage: $(VENV)/.installed ## Build what kedro viz shows as a static site in build/lineage
	$(BIN)/python -m tuneproof.lineage build/lineage $(if $(ENV),--env=$(ENV)) $(if $(DATA_ROOT),--data-root=$(DATA_ROOT))

.PHONY: package
package: $(VENV)/.installed-test ## Build the wheel and the archive of its configuration in dist/
	$(BIN)/kedro package

.PHONY: clean
clean: ## Remove the virtual environment, caches and build outputs; data/ stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .viz

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tuneproof needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(BIN)/python $(PINNED)
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -q -c constraints.txt -e '.[test]'
	@touch $@
