# Thin words over snakemake and pytest. Nothing needs activating: every target makes .venv first if it is missing, and
# runs what is in it. `make` alone lists the targets.

PYTHON ?= python3
CORES  ?= all
SCALE  ?= default
UV     ?= uv
# Where to take torch from: empty is pip's own configuration. For the CPU build: https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

BIN   := .venv/bin
READY := .venv/.ready
DEV   := .venv/.ready-dev
PEERS := .venv/.ready-peers
PIP   := $(BIN)/python -m pip install --progress-bar off -c constraints.txt
LOGGED := >> .venv/install.log 2>&1 || { tail -n 15 .venv/install.log; exit 1; }

# Children of snakemake find this python; nothing from outside the environment gets in.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME

# Batches of small matrices on several BLAS threads take many times as long when the cores are busy.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

SCALES := $(strip default $(patsubst workflow/scales/%.yaml,%,$(wildcard workflow/scales/*.yaml)))
ifeq ($(filter $(SCALES),$(SCALE)),)
$(error unknown scale SCALE="$(SCALE)"; allowed: $(SCALES))
endif
ifneq ($(SCALE),default)
OVERLAY := --configfile workflow/scales/$(SCALE).yaml
endif
SNAKEMAKE = $(BIN)/snakemake --cores $(CORES) $(OVERLAY)

.PHONY: help figures smoke paper report test lint bench lock gc clean FORCE
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
	@echo "  options: SCALE=$$(echo "$(SCALES)" | tr ' ' '|')  CORES=N  PYTHON=python3.12  TORCH_INDEX=URL"

figures: $(READY)  ## every figure and claim; SCALE=smoke or SCALE=paper for other sizes
	$(SNAKEMAKE)

smoke: OVERLAY = --configfile workflow/scales/smoke.yaml
smoke: figures  ## everything, tiny: a first look

paper: OVERLAY = --configfile workflow/scales/paper.yaml
paper: figures  ## everything at the papers' own sizes

report: figures  ## the figures, then report.html: one file that works offline
	$(SNAKEMAKE) --report report.html

test: lint  ## lint, unit tests, then the smoke pipeline end to end and the DAG tests
	$(ONE_THREAD) $(BIN)/pytest -m "not pipeline" -n 2
	$(ONE_THREAD) $(BIN)/pytest -m pipeline

lint: $(DEV)  ## style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(PEERS)  ## measure speed and precision, beside other packages too; some 25 minutes on quiet cores
	@set -e; for file in benchmarks/bench_*.py; do echo "== $$file"; \
	  PYTHONPATH="$(CURDIR)/.venv/peers" $(ONE_THREAD) $(BIN)/python "$$file"; done
	$(BIN)/python benchmarks/plot_peers.py

gc: $(READY)  ## list the caches that nothing refers to any more; DELETE=1 deletes them
	$(BIN)/python -m spectral_atlas gc $(if $(DELETE),--delete)

clean:  ## remove .venv, logs and tool caches; results/ and figures/ stay
	rm -rf .venv .snakemake report.html .cache .grimp_cache .import_linter_cache
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache src/*.egg-info
	find src scripts tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# After a new pin in pyproject.toml: only the public index goes into the lock, whatever this machine is set to.
lock:  ## write uv.lock and constraints.txt anew from pyproject.toml (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or name it with UV=/path/to/uv"; exit 1; }
	env -u UV_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS $(UV) lock --default-index https://pypi.org/simple
	{ echo "# Written by 'make lock' from uv.lock; do not edit."; $(UV) export --quiet --frozen --all-groups \
	  --no-hashes --no-annotate --no-header --no-emit-project; } > constraints.txt

# Run with a line of Python in which p is pyproject.toml (pip reads dependency groups only since 25.1).
DEPENDENCIES := f() { $(BIN)/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb')); $$1"; }; f

# The environment. It is made again when a pin changes or the folder has moved (scripts in it hold its path).
ifneq ($(shell cat .venv/.home 2>/dev/null),$(CURDIR))
$(READY): FORCE
endif

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("Spectral Atlas needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12" % v[:2])'
	@echo "Installing the pinned packages into .venv: some minutes, once (progress: .venv/install.log)"
	@test "$$(cat .venv/.home 2>/dev/null)" = "$(CURDIR)" || $(PYTHON) -m venv --clear .venv
	@pwd > .venv/.home
	@: > .venv/install.log
	@$(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) torch $(LOGGED))
	@$(PIP) setuptools $$($(DEPENDENCIES) 'print(*p["project"]["dependencies"])') $(LOGGED)
	@$(PIP) --no-deps --no-build-isolation -e . $(LOGGED)
	@touch $@

$(DEV): $(READY)
	@echo "Installing the tools for tests into .venv"
	@$(PIP) $$($(DEPENDENCIES) 'print(*p["dependency-groups"]["dev"], *p["dependency-groups"]["oracles"])') $(LOGGED)
	@touch $@

# The packages that bench_peers.py compares with: on a path of their own, which nothing else sees.
$(PEERS): $(DEV) benchmarks/peers/requirements.txt benchmarks/peers/constraints.txt
	@echo "Installing the packages to compare with into .venv/peers"
	@rm -rf .venv/peers
	@$(PIP) -c benchmarks/peers/constraints.txt --no-deps --target .venv/peers -r benchmarks/peers/requirements.txt $(LOGGED)
	@touch $@
