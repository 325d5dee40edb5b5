# make demo   sets everything up, runs a campaign before your eyes, leaves nothing running
# make up     sets everything up and keeps the stack running until Ctrl-C

.DEFAULT_GOAL := help
.PHONY: help setup demo up test bench lint format docs clean

BIN := .venv/bin

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## make .venv from requirements.lock; quick when it is up to date
	@PYTHON="$(PYTHON)" scripts/setup.sh

demo: setup ## run the main job from a CSV file to a proven report
	@$(BIN)/heliograph demo

up: setup ## start the stack and keep it running until Ctrl-C
	@$(BIN)/heliograph up

test: setup ## run all tests
	@$(BIN)/pytest $(ARGUMENTS)

bench: setup ## run every benchmark and print one table
	@$(BIN)/heliograph bench

lint: setup ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## put the code in form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: setup ## renew what is generated under docs/
	@$(BIN)/python scripts/document_api.py
	@$(BIN)/python scripts/document_settings.py

clean: ## remove .venv and caches; data in .heliograph stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
