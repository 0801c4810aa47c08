# Everything a person or a CI job does with Carillon. `make help` lists it.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCALE ?= 1
.DEFAULT_GOAL := help
.PHONY: help run reset test check lint types bench messages lock ci

# Variables of a .env file, for those who keep one, reach every process.
ENVIRONMENT := set -a; [ ! -f .env ] || . ./.env; set +a;

# What a production installation would set, to check its settings; the secrets guard nothing, the servers aren't asked.
SECRET := $$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')
PRODUCTION := CARILLON_ENV=production SECRET_KEY=$(SECRET) TOKEN_KEYS=$(SECRET) FIELD_KEYS=$(SECRET) \
    PUBLIC_URL=https://carillon.example.com BEHIND_PROXY=1 \
    DATABASE_URL=postgresql://carillon@db.example.com/carillon REDIS_URL=redis://redis.example.com:6379/0

help: ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## start the console on this machine; PORT=8001 for another port
	@$(ENVIRONMENT) exec $(BIN)/python -m config.run

reset: ## delete this console's data in var/ (asks first; YES=1 doesn't)
	@YES=$(YES) VENV_PYTHON=$(BIN)/python sh bin/reset

test: $(VENV)/dev.stamp check ## every check and every test
	CARILLON_VAR=var/test CARILLON_THROWAWAY=1 $(BIN)/python -m pytest

check: $(VENV)/dev.stamp lint types frontend-check ## everything but the tests
	CARILLON_VAR=var/test $(BIN)/python manage.py makemigrations --check --dry-run
	CARILLON_VAR=var/test $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	CARILLON_VAR=var/test $(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

lint: $(VENV)/dev.stamp ## style, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp ## mypy, strict
	CARILLON_VAR=var/test $(BIN)/mypy .

frontend: frontend/node_modules/stamp ## build the scripts that need it (needs Node); commit what comes out
	cd frontend && npm run --silent build

# Users need no Node: what it builds is committed. Where it is there (CI sees to it), sources and built files must agree.
frontend-check:
	@if command -v npm >/dev/null 2>&1; then $(MAKE) --no-print-directory frontend/node_modules/stamp \
	    && cd frontend && npm run --silent check && echo "The built scripts are what their sources say."; \
	else echo "No Node here: whether the built scripts are up to date is left to CI."; fi

bench: $(VENV)/dev.stamp ## speed and memory beside hand-written limits; SCALE=0.1 for a tenth of a million rows
	$(BIN)/python -m bench --scale $(SCALE)

messages: $(VENV)/dev.stamp ## collect the texts of public pages, and compile their translations (needs gettext)
	CARILLON_VAR=var/test $(BIN)/python manage.py makemessages --locale de --locale fr --locale es --locale ar \
	    --no-location --no-wrap --no-obsolete --ignore 'config/*' --ignore 'core/*' --ignore 'tests/*' --ignore 'var/*' --ignore '*node_modules*'
	CARILLON_VAR=var/test $(BIN)/python manage.py compilemessages --ignore var

lock: ## pin every dependency with its hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	    --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	    --custom-compile-command "make lock" --extra dev --constraint requirements.lock pyproject.toml \
	    --output-file requirements-dev.lock

frontend/node_modules/stamp: frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund --silent
	@touch $@

ci: ## what CI runs
	@.ci/run

$(VENV)/run.stamp: requirements.lock bin/setup
	@PYTHON="$(PYTHON)" sh bin/setup $(VENV) requirements.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock bin/setup
	@PYTHON="$(PYTHON)" sh bin/setup $(VENV) requirements-dev.lock
	@touch $@ $(VENV)/run.stamp
