# Everything a newcomer types. All of it works inside .venv, which `make setup` creates.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TRITEXT := $(BIN)/tritext

# Options for pip, for instance another index: make setup PIP_ARGS="--extra-index-url …"
PIP_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types format docs bench image images lock oracle audit manifests sbom env clean

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

# Two test files at a time; PYTEST_ARGS= runs one after the other.
PYTEST_ARGS ?= --numprocesses 2 --dist loadfile
test: $(VENV)/installed ## Run all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

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

# With NAME and VERSION the image is that registered version, built (BUILD_ARGS="--precision int8 …") and baked in.
NAME ?=
VERSION ?=
BUILD_ARGS ?=
STAGE := dist/$(NAME)-$(VERSION)
BAKED := $(if $(NAME),--build-arg REPOSITORY=$(STAGE) --build-arg MODEL_NAME=$(NAME) --build-arg MODEL_VERSION=$(VERSION))
IMAGE ?= tritext$(if $(NAME),:$(NAME)-$(VERSION))
BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
IMAGE_ARGS ?=
BUILD_IMAGE = BUILDAH_FORMAT=docker $(BUILDER) build $(IMAGE_ARGS)

.PHONY: builder
builder:
	@test -n "$(BUILDER)" || { echo "Building an image needs docker, podman or buildah."; exit 1; }
	@test -z "$(NAME)" -o -n "$(VERSION)" || { echo "Which version of $(NAME)? make image NAME=$(NAME) VERSION=…"; exit 1; }

image: builder $(if $(NAME),$(STAGE)/$(NAME)_tokenizer/$(VERSION)/manifest.json) ## Build the server's image, with a registered version baked in: make image NAME=tickets VERSION=7
	$(BUILD_IMAGE) $(BAKED) --tag $(IMAGE) --file docker/triton.Dockerfile .

$(STAGE)/$(NAME)_tokenizer/$(VERSION)/manifest.json:
	@test -x $(TRITEXT) || $(MAKE) setup
	$(TRITEXT) build models:/$(NAME)/$(VERSION) --repository $(STAGE) $(BUILD_ARGS)

images: builder image ## Build the images of server, worker (also MLflow) and client
	$(BUILD_IMAGE) --tag tritext-worker --file docker/worker.Dockerfile .
	$(BUILD_IMAGE) --tag tritext-client --file docker/client.Dockerfile .

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

# Apart from .venv, whose versions it must not change.
AUDIT := .venv-audit
audit: $(AUDIT)/installed ## Look up the locked versions among known vulnerabilities
	$(AUDIT)/bin/python .ci/audit.py

$(AUDIT)/installed:
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) pip-audit
	@touch $@

# Apart, too: some of it wants a newer Python than Tritext does.
MANIFESTS := .venv-manifests
manifests: $(MANIFESTS)/installed ## Install what checks stacks and manifests against their specifications, and writes bills of materials

$(MANIFESTS)/installed:
	$(PYTHON) -m venv $(MANIFESTS)
	$(MANIFESTS)/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) \
	  check-jsonschema==0.39.0 kubernetes-validate==1.37.0 cyclonedx-bom==7.5.0
	@touch $@

sbom: $(MANIFESTS)/installed builder ## Write an image's bill of materials (CycloneDX): make sbom IMAGE=tritext:tickets-7
	@mkdir -p dist
	docker/sbom.sh "$(BUILDER)" $(IMAGE) | $(MANIFESTS)/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
	  --output-reproducible -o dist/$(subst /,_,$(subst :,-,$(IMAGE))).cdx.json -
	@echo dist/$(subst /,_,$(subst :,-,$(IMAGE))).cdx.json

env: ## Make up the secrets of compose.yaml, and a certificate for a try, in .env
	deploy/new_env.sh

clean: ## Remove .venv, caches, and what demo, runs and jobs made
	rm -rf $(VENV) $(ORACLE) $(AUDIT) $(MANIFESTS) .pytest_cache .mypy_cache .ruff_cache checkpoints bench tune mlruns jobs
	git clean -dfXq model_repository
