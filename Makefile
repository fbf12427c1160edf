# Every target works on a fresh clone: it makes the environment that it needs.
#   .venv        tatami as a user installs it
#   .venv-dev    tatami in editable form, with the tools of development
#   .venv-bench  tatami beside what it is measured against

PYTHON ?= python3
JOBS ?= 2
ARTEFACTS ?= artefacts
TATAMI_CHROMIUM ?= /usr/bin/chromium
export TATAMI_CHROMIUM
BENCH ?=

USE := .venv/bin
DEV := .venv-dev/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
SOURCES := $(shell find src/tatami -type f -not -path '*/__pycache__/*')

.DEFAULT_GOAL := help
.PHONY: help demo test test-torch test-cluster test-onnx test-onnx-whole test-web conformance check lint format types contracts wheel figures memory-table \
  explore-digits kill-runs pictures bench \
  bench-accuracy bench-gemm bench-gpu-memory bench-gpu-speed bench-loader bench-plan bench-training bench-web precision clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/installed  ## train the memo's network on the built-in digits
	$(USE)/tatami train

# One BLAS thread a worker: the arrays of the tests are small, and the workers already share the cores.
test: .venv-dev/installed  ## run the tests
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -n $(JOBS)

# PyTorch by its exact version: elsewhere than on a machine with a CPU wheel at hand it may be a large download. The tests
# that need it say so in their name, or run with a parameter of that name.
test-torch: .venv-dev/torch  ## install PyTorch, and run the tests that need it: the torch engine, ranks, memory
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -n $(JOBS) -k torch

test-cluster: .venv-dev/cluster  ## install Dask, and run the test that needs it: a search on two workers, one of them killed
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest tests/explore/test_cluster.py

test-onnx: .venv-dev/onnx  ## install ONNX, its runtime and Keras, and run the tests of what comes and goes: ONNX's own suite, too
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -n $(JOBS) -m 'not slow' tests/exchange tests/engines/test_cs231n.py

test-onnx-whole: .venv-dev/onnx  ## the same with every network of the zoo, both ways, by ONNX Runtime, PyTorch and Keras: long
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -n $(JOBS) -m slow tests/exchange

conformance: .venv-dev/onnx  ## write docs/conformance.md anew, by ONNX's own suite
	TATAMI_WRITE_PAGE=1 $(DEV)/python -m pytest -m 'slow or not slow' tests/exchange/backend

# All tests of a file by one worker: they share a server. The screenshots stay in $(ARTEFACTS).
test-web: .venv-dev/web  ## install Chromium and Playwright, and run the tests of the page in a real browser
	OMP_NUM_THREADS=1 TATAMI_ARTEFACTS=$(abspath $(ARTEFACTS)) $(DEV)/python -m pytest -n $(JOBS) --dist loadfile tests/web

check: lint types contracts wheel  ## lint, types, contracts and wheel

lint: .venv-dev/installed  ## ruff: rules and format
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .

format: .venv-dev/installed  ## let ruff mend what it can
	$(DEV)/ruff check --fix .
	$(DEV)/ruff format .

types: .venv-dev/installed  ## mypy, strict
	$(DEV)/mypy

contracts: .venv-dev/installed  ## the import direction of ARCHITECTURE.md
	$(DEV)/lint-imports

wheel: .venv-dev/installed  ## build the wheel and try it in a clean environment
	rm -rf dist
	$(DEV)/python -m build
	PYTHON=$(abspath $(DEV)/python) scripts/try_wheel dist/*.whl

figures: .venv/installed  ## accuracies, counts and times that must be so: some minutes
	$(USE)/python scripts/check_figures.py

memory-table: .venv-dev/torch  ## foretold memory beside PyTorch's own word, into docs/gpu-memory.md: some minutes
	OMP_NUM_THREADS=1 $(DEV)/python scripts/memory_table.py

lab: .venv/installed  ## run every experiment of the lab in its quick form, into docs/lab.md: a quarter of an hour
	LAB="$(LAB)" $(USE)/python scripts/lab_page.py

explore-digits: .venv/installed  ## search a small network for the digits, into docs/explore.md: ten minutes
	$(USE)/python scripts/explore_digits.py

kill-runs: .venv/installed  ## kill a training 20 times, resume it, compare its weights bit for bit: some minutes
	$(USE)/python scripts/kill_runs.py

pictures: test-web  ## draw the pictures of the README anew
	TATAMI_ARTEFACTS=$(abspath $(ARTEFACTS)) $(DEV)/python scripts/make_pictures.py

bench: .venv-bench/engines  ## time the CPU engine beside PyTorch and ONNX Runtime, and the loader: an hour, into benchmarks/
	.venv-bench/bin/python benchmarks/engines/run.py $(BENCH)
	$(MAKE) bench-loader

bench-accuracy: .venv-bench/engines  ## time to 99% on MNIST and to 85% on CIFAR-10, beside PyTorch
	.venv-bench/bin/python benchmarks/engines/accuracy.py $(BENCH)

bench-gemm: .venv-bench/engines  ## the CPU engine's matrix product beside NumPy's, on one thread
	.venv-bench/bin/python benchmarks/gemm.py

bench-gpu-memory: .venv-bench/gpu  ## on a machine with a card: memory foretold and measured, the true largest batch: an hour
	.venv-bench/bin/python benchmarks/gpu_memory.py $(BENCH)

bench-gpu-speed: .venv-bench/gpu  ## on a machine with a card: the torch engine beside a loop by hand, times foretold
	.venv-bench/bin/python benchmarks/gpu_speed.py $(BENCH)

bench-loader: .venv-bench/engines  ## how fast the loader is, beside what the CPU engine takes: into RESULTS-loader.md
	.venv-bench/bin/python benchmarks/loader.py

bench-web: .venv-dev/web  ## frames a second of the page's Look view, and its load, into benchmarks/RESULTS-web.md
	$(DEV)/python benchmarks/web_look.py | sed 's/^/    /' > benchmarks/RESULTS-web.md

bench-training: .venv/installed  ## what training reaches on MNIST, CIFAR-10 and the UCR archive: twenty minutes
	$(USE)/python benchmarks/training.py

precision: .venv-dev/installed  ## the CPU engine's errors in float32, layer by layer
	$(DEV)/python benchmarks/precision.py

bench-plan: .venv-bench/plan  ## time the planner beside torchinfo (installs PyTorch), into benchmarks/RESULTS-plan.md
	.venv-bench/bin/python benchmarks/plan.py

clean:  ## remove environments, caches and what was built
	rm -rf .venv .venv-dev .venv-bench artefacts dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: a changed pyproject.toml makes the environment anew, a changed source only installs tatami again.

.venv/made: pyproject.toml
	$(call new_environment,.venv)
	@touch $@

.venv/installed: .venv/made $(SOURCES)
	$(USE)/python $(PIP_INSTALL) .
	@touch $@

.venv-dev/installed: pyproject.toml
	$(call new_environment,.venv-dev)
	$(DEV)/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

.venv-dev/torch: .venv-dev/installed
	$(DEV)/python $(PIP_INSTALL) torch==2.13.0
	@touch $@

.venv-dev/cluster: .venv-dev/installed
	$(DEV)/python $(PIP_INSTALL) --editable '.[dev,cluster]'
	@touch $@

.venv-dev/onnx: .venv-dev/torch
	$(DEV)/python $(PIP_INSTALL) onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 keras==3.15.1
	$(DEV)/python $(PIP_INSTALL) --no-deps torchvision==0.28.0
	@touch $@

.venv-dev/web: .venv-dev/installed
	@test -x $(TATAMI_CHROMIUM) || test "$$(id -u)" = 0 || \
	  { echo 'the tests of the page need Chromium: apt-get install chromium, or TATAMI_CHROMIUM=/path/of/a/chromium'; false; }
	test -x $(TATAMI_CHROMIUM) || { apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; }
	$(DEV)/python $(PIP_INSTALL) --editable '.[dev,web-test]'
	@touch $@

.venv-bench/plan: benchmarks/requirements-plan.txt pyproject.toml $(SOURCES)
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP_INSTALL) . -r benchmarks/requirements-plan.txt
	@touch $@

.venv-bench/gpu: benchmarks/requirements-gpu.txt pyproject.toml $(SOURCES)
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP_INSTALL) . -r benchmarks/requirements-gpu.txt
	@touch $@

.venv-bench/engines: benchmarks/requirements-engines.txt pyproject.toml $(SOURCES)
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP_INSTALL) . -r benchmarks/requirements-engines.txt
	@touch $@

define new_environment
@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and \
  "tatami needs Python 3.11 or newer, but $(PYTHON) is " + v + ". Try: make PYTHON=python3.11 ...")'
$(PYTHON) -m venv --clear $(1)
endef
