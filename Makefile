# Two commands on a fresh machine: `make run` and `make test`. Everything lands in .venv beside this file.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
NAME   ?= startup
JOBS   ?= 2
SPREAD := --dist loadfile --no-loadscope-reorder
BENCHES := $(sort $(basename $(notdir $(shell grep -l "^    harness[.]report\|harness[.]report" bench/*.py))))
TORCH  := torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help run test check tour bench media train lock shots format clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | sed 's/NAME=…/NAME=$(subst $() ,|,$(BENCHES))/' | expand -t 18

run: $(VENV)/.run  ## the main job: the demo school on http://127.0.0.1:8000 (ARGS='--home DIR --port P --starter tiny')
	@exec $(BIN)/shuyuan up --demo $(ARGS)

test: $(VENV)/.dev  ## the whole suite (ARGS='-k name' for a part)
	$(BIN)/python -m pytest -n $(JOBS) $(SPREAD) $(ARGS)

check: $(VENV)/.dev  ## format, lint, types, contracts, tests, docs
	$(BIN)/ruff format --check src tests bench scripts
	$(BIN)/ruff check src tests bench scripts
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS) $(SPREAD)

tour: $(VENV)/.run  ## walk a student and a teacher through the main job (ARGS='--starter tiny --json out.json')
	@exec $(BIN)/shuyuan tour $(ARGS)

bench: $(VENV)/.dev  ## measured claims: make bench NAME=…
	@exec $(BIN)/python -m bench.$(NAME) $(ARGS)

media: $(VENV)/.run  ## add printed text in pictures and speech in English (460 MB on disk)
	@echo "installing the libraries of OCR and speech into $(VENV), 460 MB on disk …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/media.lock

train: $(VENV)/.run  ## add training: torch and what stands on it (ARGS='--index-url URL' chooses the build of torch)
	@echo "installing $(TORCH): about 190 MB as a CPU build, several GB with CUDA, as your package index has it …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) $(ARGS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/train.lock

shots: $(VENV)/.dev  ## the pictures of the README, taken from a running demo school
	$(BIN)/python -m scripts.shots

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format src tests bench scripts
	$(BIN)/ruff check --fix src tests bench scripts

lock: $(VENV)/.dev  ## renew requirements/*.lock after a change to pyproject.toml
	$(BIN)/python -m scripts.lock

clean:  ## remove what the build made
	rm -rf $(VENV) build dist src/shuyuan/web/static/vendor

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Shuyuan needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot make a virtual environment. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.run: requirements/run.lock pyproject.toml assets.lock.json | $(VENV)/bin/python
	@echo "installing Shuyuan into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m scripts.fetch_assets
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.lock
	@echo "installing the tools for tests …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m scripts.fetch_assets --tests
	@touch $@
