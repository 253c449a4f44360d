# make run   starts the portal, with all that it needs
# make test  runs the tests on SQLite
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
TEMPLATES = $$(git ls-files 'templates/*.html')

.PHONY: run test test-postgres test-browser test-documents bench chaos lint format lock clean

run: $(VENV)/.ready
	@$(BIN)/python manage.py run_portal --port "$(PORT)"

test: $(VENV)/.ready-dev
	@$(BIN)/pytest -n auto

# DATABASE_URL and REDIS_URL name running services.
test-postgres: $(VENV)/.ready-dev
	@test -n "$$DATABASE_URL" -a -n "$$REDIS_URL" || { echo "Set DATABASE_URL and REDIS_URL."; exit 1; }
	@$(BIN)/pytest -n auto

# Needs Chromium at /usr/bin/chromium, or CHROMIUM=.
test-browser: $(VENV)/.ready-dev
	@$(BIN)/pytest -m browser

# Needs a JDK and Debian's libjaxb-java, which .ci/install brings.
test-documents: $(VENV)/.ready-dev
	@$(BIN)/pytest -m documents

# By hand: takes an hour. ONLY=webinar (documents, pages, catalog) or SIZES="1000 10000" for less;
# DATABASE_URL and REDIS_URL for PostgreSQL.
bench: $(VENV)/.ready-dev
	@.ci/bench

# Kills, starves and misleads real processes and looks for what is lost, doubled or half-written.
# ROUNDS= how many in all; ONLY="storage,clock" kinds by words of their names; MODES=embedded or
# production; SEED= repeats a run. Starts a PostgreSQL and a Redis of its own (.ci/install).
chaos: $(VENV)/.ready-dev
	@PYTHONPATH=.ci $(BIN)/python -m chaos $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(ONLY),--only "$(ONLY)") $(if $(MODES),--modes $(MODES)) $(if $(SEED),--seed $(SEED))

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@.ci/check-deploy $(BIN)/python

format: $(VENV)/.ready-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djade --target-version 5.2 $(TEMPLATES)

lock: $(VENV)/.ready-dev
	@for name in requirements requirements-dev .ci/bench-requirements; do \
	  $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-options --output-file $$name.txt $$name.in || exit 1; done

clean:
	rm -rf $(VENV)

$(VENV)/.ready: requirements.txt
	@PYTHON="$(PYTHON)" .ci/make-venv $@ requirements.txt

$(VENV)/.ready-dev: requirements.txt requirements-dev.txt
	@PYTHON="$(PYTHON)" .ci/make-venv $@ requirements.txt requirements-dev.txt
	@touch $(VENV)/.ready
