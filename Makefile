# What one does in this repository. Every target brings its own set-up; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

unexport PYTHONDONTWRITEBYTECODE # where a machine has it set, every run would compile packages and tests anew

BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest -n 2
ONE_BY_ONE := --dist loadgroup --no-loadscope-reorder # the long ones early: tests/longest.py
FAST := not slow and not torch and not docker and not browser and not gpu
ALL := not docker and not browser and not gpu

.PHONY: help system namespaces demo histories test test-all test-image test-gpu lint bench soak image lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

system: # packages that the machine itself must have
	@bash tests/setup_system.sh

$(READY): tests/dev.lock pyproject.toml | system
	@"$$(bash tests/setup_system.sh --python)" -m venv .venv
	@echo "setting up .venv from tests/dev.lock (once)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-compile --require-hashes -r tests/dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

namespaces: $(READY) # a pod on this machine is made of them
	@$(BIN)/python tests/namespaces.py

demo: namespaces ## a pod on this machine: trains, is killed, resumes, switches itself off
	@$(BIN)/python examples/demo.py $(if $(BREAK),--break $(BREAK)) $(if $(filter command,$(origin IMAGE)),--image $(IMAGE))

test: namespaces ## the quick tests, in two or three minutes
	@$(PYTEST) -m "$(FAST)" $(ARGS)

test-all: namespaces ## these and the marked ones; torch ones skip, with the reason, where torch is missing
	@$(PYTEST) $(ONE_BY_ONE) -m "$(ALL)" $(ARGS)

histories: $(READY) ## pods through crashes, restarts and faults in virtual time: N=10000 of them, or one: SEED=4711
	@$(PYTEST) tests/agent/histories -k promised $(if $(SEED),--seed $(SEED),--histories $(or $(N),10000))

test-image: $(READY) ## build the image, and run real containers of it; needs a Docker Engine, or root and dockerd
	@$(PYTEST) -m docker $(ARGS)

test-gpu: ## the tests that ask a real driver; needs an NVIDIA GPU, and no network (tests/gpu.md)
	@bash tests/gpu.sh $(ARGS)

bench: $(READY) ## measure beside rivals (about 25 minutes), and write bench/README.md
	@$(BIN)/python bench/report.py

soak: $(READY) ## ten minutes of an agent beside a training, its CPU and memory by part, and write bench/soak.md
	@$(BIN)/python bench/soak.py $(ARGS)

lint: $(READY) ## ruff, ruff format, mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

image: ## build the pod's image: podkeep:latest (image/build --help)
	@image/build

lock: $(READY) ## write the locks of image/ and tests/ anew from pyproject.toml
	@$(BIN)/python tests/lock.py

clean: ## remove what set-up and tests made; never a pod
	@rm -rf .venv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
