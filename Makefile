# Streamgauge. `make demo` and `make test` need nothing but Python 3.11 or newer and make.
.DEFAULT_GOAL := help
PY := .venv/bin/python
PORT ?= 8000

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: ## the site on 127.0.0.1:8000 with the example systems (PORT=, SCENARIO=)
	@scripts/setup.sh demo
	@exec $(PY) manage.py demo --port $(PORT) $(if $(SCENARIO),--scenario $(SCENARIO))

test: ## everything: lint, unit, integration, sockets, browser, faults
	@scripts/setup.sh test
	@scripts/test.sh

lint: ## ruff, mypy, djlint
	@scripts/setup.sh test
	@scripts/lint.sh

servers: ## the integration tests on Redis 6.2, 7.0, 8.2 and Valkey 8.1, 9.1
	@scripts/setup.sh servers
	@scripts/redis_servers.sh
	@$(PY) -m tests.matrix

fuzz: ## the API against its own description, 50 random requests for each operation and role, all boundary cases
	@scripts/setup.sh test
	@FUZZ_EXAMPLES=50 $(PY) -m pytest -q tests/clients/test_fuzzing.py

bench: ## each page and read as a ratio to the bare redis-py calls it stands for
	@scripts/setup.sh test
	@$(PY) -m tests.benchmarks

soak: ## operations under random faults, and runners that are stopped, until one fails (Ctrl-C ends it)
	@scripts/setup.sh test
	@while $(PY) -m pytest -q tests/faults/model/soak_model.py tests/faults/soak_stopped_runners.py; do :; done

.PHONY: help demo test lint servers fuzz soak bench
