# What one does in this repository. Every target brings its own set-up; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest -n 2
FAST := not slow and not torch and not docker and not browser and not gpu
ALL := not docker and not browser and not gpu

.PHONY: help system demo test test-all lint bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

system: # what the machine itself must have: packages, and leave to make namespaces
	@bash tests/setup_system.sh

$(READY): tests/dev.lock pyproject.toml | system
	@"$$(bash tests/setup_system.sh --python)" -m venv .venv
	@echo "setting up .venv from tests/dev.lock (once)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-compile --require-hashes -r tests/dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: system $(READY) ## a pod on this machine: trains, is killed, resumes, switches itself off (BREAK=resume must fail)
	@$(BIN)/python examples/demo.py $(if $(BREAK),--break $(BREAK))

test: system $(READY) ## the tests that take a minute
	@$(PYTEST) -m "$(FAST)" $(ARGS)

test-all: system $(READY) ## these and the marked ones; torch ones skip, with the reason, where torch is missing
	@$(PYTEST) -m "$(ALL)" $(ARGS)

lint: $(READY) ## ruff, ruff format, mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lock: $(READY) ## write image/agent.lock and tests/dev.lock anew from pyproject.toml
	@$(BIN)/python tests/lock.py

clean: ## remove what set-up and tests made; never a pod
	@rm -rf .venv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
