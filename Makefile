# The two commands are `make run` and `make test`; each does all the set-up it needs.
.DEFAULT_GOAL := help
.PHONY: help setup run test bench evaluate peers browser lock clean

BIN := .venv/bin
BENCH ?=

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do printf '%-16s %s\n' "$$name" "$$what"; done

setup: ## make .venv and the web assets; quick when nothing changed
	@sh .ci/setup

run: setup ## start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/hearthline run

test: setup ## format, lint, types, imports, flows and tests
	@sh .ci/test

bench: setup ## measure the pipeline, its rivals beside it (BENCH=--short for a quick look)
	@$(BIN)/python -m tests.bench $(BENCH)

evaluate: setup ## measure the understanding of messages
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench.evaluate

peers: setup ## run the Twilio adapters against programs that others wrote
	@$(BIN)/python -m tests.peers

browser: setup ## drive the desk with Chromium, installed with apt-get where it is missing
	@$(BIN)/python -m tests.browser

lock: ## write the locks anew from pyproject.toml and package.json (needs uv and npm)
	@sh .ci/lock

clean: ## remove what set-up and runs made, but keep var/ with its data
	@rm -rf .venv node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
