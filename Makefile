# Everything a newcomer types. All of it works inside .venv, which `make setup` creates.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TRITEXT := $(BIN)/tritext

# Options for pip, for instance another index: make setup PIP_ARGS="--extra-index-url …"
PIP_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types format docs bench image lock oracle clean

help: ## List these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/installed ## Create .venv and install Tritext with everything it needs, in locked versions

$(VENV)/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 10) <= v < (3, 14) else "Tritext needs Python 3.10 to 3.13, this is %d.%d: name another one, such as make $@ PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -m venv $(VENV) || { echo "Cannot create $(VENV): install Python's venv module (Debian and Ubuntu: python3-venv)."; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) --constraint requirements.lock --editable '.[all,dev]'
	@$(BIN)/python -c 'import importlib.util as u; raise SystemExit(u.find_spec("pytriton") is None)' || \
	  $(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps nvidia-pytriton==0.7.0
	@touch $@

demo: $(VENV)/installed ## Train, build and serve a small model, and send it raw strings
	@PATH="$(CURDIR)/$(BIN):$$PATH" docs/demo.sh

test: $(VENV)/installed ## Run all tests
	$(BIN)/python -m pytest

lint: $(VENV)/installed ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed ## Mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/installed ## Check types, strictly
	$(BIN)/mypy

docs: $(VENV)/installed ## Write docs/commands.md from the commands' own --help
	$(BIN)/python -m tritext.commands > docs/commands.md

CHECKPOINT ?= checkpoints/tickets
DATA       ?= training/data/support_tickets/test.csv
BENCH_ARGS ?=
bench: $(VENV)/installed ## Measure Tritext beside ceilings and peers: make bench CHECKPOINT=… DATA=… BENCH_ARGS="--parts peers"
	@test -f $(CHECKPOINT)/config.json || { echo "$(CHECKPOINT) is no checkpoint: \`make demo\` trains checkpoints/tickets, \`tritext train\` others."; exit 1; }
	PIP_ARGS="$(PIP_ARGS)" $(BIN)/python -m comparison $(CHECKPOINT) --data $(DATA) --page docs/performance.md $(BENCH_ARGS)

IMAGE ?= tritext
BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
IMAGE_ARGS ?=
image: ## Build the server's image with docker, podman or buildah: make image IMAGE=tickets IMAGE_ARGS="--build-arg …"
	@test -n "$(BUILDER)" || { echo "Building an image needs docker, podman or buildah."; exit 1; }
	BUILDAH_FORMAT=docker $(BUILDER) build $(IMAGE_ARGS) --tag $(IMAGE) --file docker/triton.Dockerfile .

lock: ## Resolve the newest versions for all Pythons into requirements.lock (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --upgrade --no-annotate \
	  --constraint requirements.in --output-file requirements.lock

# The question-answering pipeline left transformers with version 5, and two versions do not go into one environment.
ORACLE := .venv-transformers4
oracle: $(ORACLE)/installed ## Install transformers 4.57 apart: tests compare question answering with its pipeline

$(ORACLE)/installed:
	$(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) transformers==4.57.6 numpy \
	  $$(sed -n 's/^\(torch==[^ ;]*\).*/\1/p' requirements.lock)
	@touch $@

clean: ## Remove .venv, caches, and what the demo made
	rm -rf $(VENV) $(ORACLE) .pytest_cache .mypy_cache .ruff_cache checkpoints bench tune
	git clean -dfXq model_repository
