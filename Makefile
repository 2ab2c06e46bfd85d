# The doors to the project. Each target sets up what it needs on a bare Debian machine with Python 3.11 and make.
#
#   make demo         three virtual machines, a healthy etcd cluster, and back to nothing   (KEEP=1 leaves it running)
#   make test         every tier that needs no virtual machine
#   make lab          the tiers on real machines and real control planes
#   make long         what takes longer still: installing to disk, ISOs in both firmwares, forty clusters on all emulators
#   make check        lint, types, architecture
#   make coverage     the same tests, with a coverage report (htmlcov/)
#   make perf         what is measured: start-up, compiling, planning, calls, requests per second
#   make format       let ruff rewrite the sources
#   make lab-image    build (or reuse) the lab OS

SHELL := /bin/bash
PYTHON ?= python3.11
WORKERS ?= 3
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
RUN := .venv/bin/python -m
PYTEST := $(RUN) pytest -n $(WORKERS) --dist worksteal

.PHONY: demo test lab long check format lab-image setup packages-test packages-lab perf coverage clean

setup: .venv/.complete

.venv/.complete: pyproject.toml uv.lock tools/setup
	PYTHON=$(PYTHON) tools/setup
	touch $@

packages-test packages-lab: packages-%: setup
	tools/packages $*

demo: packages-lab lab-image
	tools/demo

test: packages-test check
	$(PYTEST) -m "not vm and not lab and not perf"

lab: packages-lab lab-image
	$(RUN) pytest -m "(vm or lab) and not (perf or long)" -v --durations=0

long: packages-lab lab-image
	$(RUN) pytest -m long -v --durations=0

coverage: packages-test
	$(PYTEST) -m "not vm and not lab and not perf" --cov --cov-report=term --cov-report=html

perf: packages-lab
	$(RUN) pytest -m perf -s

check: setup
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	.venv/bin/lint-imports

format: setup
	$(RUN) ruff check --fix
	$(RUN) ruff format

lab-image: packages-lab
	$(RUN) provision_qemu.labos

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
