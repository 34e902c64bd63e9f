# Two commands for a stranger: `make demo` and `make test`. Both need only make and Python 3.11+.

.DEFAULT_GOAL := help
SHELL := /bin/bash

# The first interpreter that is new enough; set PYTHON=... to choose.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
FOR ?=

# No interpreters from the network; the certificates that the system trusts.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS ?= true

.PHONY: help demo test lint typing docs bench clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo ## run the shop; FOR=20 stops after 20 seconds and checks itself
	@$(BIN)/python examples/shop/demo.py --for "$(FOR)"

test: $(VENV)/.matrix ## run every test on every interpreter and server that is here
	@$(BIN)/python tools/testservers.py install report
	@$(BIN)/python tools/matrix.py

lint: $(VENV)/.matrix ## style, layers, docstrings, spelling
	@$(BIN)/python tools/matrix.py lint

typing: $(VENV)/.matrix ## mypy and pyright
	@$(BIN)/python tools/matrix.py typing

docs: $(VENV)/.matrix ## build the pages and run their examples
	@$(BIN)/python tools/matrix.py docs

bench: $(VENV)/.matrix ## run the benchmarks
	@$(BIN)/nox -s bench

clean: ## remove environments, builds and reports
	rm -rf $(VENV) .tox .nox .cache .coverage* .hypothesis .ruff_cache .import_linter_cache dist build docs/_build reports
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "periodic needs Python 3.11 or newer on the PATH; or: make PYTHON=/path/to/python"; exit 1; }
	@echo "environment: $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.matrix: $(BIN)/uv pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group matrix
	@touch $@

$(VENV)/.demo: $(BIN)/uv pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[flask,solar,redis]'
	@touch $@
