# Everything a clone can do. `make` alone prints this list; README.md and CONTRIBUTING.md say more.
# ARGS adds options: make demo ARGS="--language en"; make test ARGS="-k floor".

SHELL := /bin/bash
BIN := .venv/bin
ARGS ?=
# An interrupted line must not leave the next one to run.
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint types core bench docs soak clean
# Where it is set, each of some hundred processes would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: export FACILITATOR_CONFIG := $(CURDIR)/config.toml
demo: ## set up, then a whole session on a sample call; the documents are in demo-out/
	@scripts/setup.sh demo
	@$(BIN)/facilitator demo --out demo-out $(ARGS)

test: ## set up, then lint, types, the core's coverage and every test but the soak
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory lint types core
	@scripts/tests.sh $(ARGS)

lint: ## ruff (rules and format) and the import contract
	@scripts/setup.sh dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-cache

types: ## mypy, strict
	@scripts/setup.sh dev
	@$(BIN)/mypy

core: ## the core's own tests, which alone take every branch of it
	@scripts/setup.sh dev
	@$(BIN)/python -m coverage run --data-file=.coverage.core -m pytest tests/core -q -p no:cacheprovider
	@$(BIN)/python -m coverage report --data-file=.coverage.core --fail-under=100

bench: ## every measurement in bench/, one after the other
	@scripts/setup.sh dev
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

docs: ## draw the state diagram of docs/architecture.md again from the transition table
	@scripts/setup.sh dev
	@$(BIN)/python -m tools.state_diagram

soak: ## set up, then the tests that last over a minute
	@scripts/setup.sh test
	@$(BIN)/python -m pytest -m soak $(ARGS)

clean: ## remove what was made here: .venv, .tools, caches, demo-out
	rm -rf .venv .tools demo-out dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
