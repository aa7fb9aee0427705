# make demo    train a classifier on the device
# make test    run the tests
# make test-modes   run them with nothing recorded, with everything run at once, and as usual with the long sweeps whole
# make test-integrations   run the tests against Hugging Face's libraries, Lightning, safetensors and pandas, which it installs
# make test-gpu-full   check the GPUs' kernels of every op in every type, and the device's suite on CUDA's and Metal's calls (no GPU is needed)
# make test-sanitize   build with the address and undefined-behaviour sanitizers, in build/sanitize, and run a part of the tests on that
# make test-install   install the last commit in every way, for each Python and PyTorch that can be had: gigabytes of PyTorch
# make test-all   everything above, and the whole conformance run: hours
# make kernels-diff REV=...   compile the kernels in the cache with another revision's code generator too, and compare
# make conformance   run PyTorch's own databases of ops, modules and optimizers on the device
# make bench   compare with stock PyTorch
# make docs    build the pages in docs/ as a site, in build/site
# make dev     install for development: libraries with debug information, Python from the checkout, compile_commands.json
# make lint    ruff, a type checker, and clang-format over lines that are not committed yet
# make clean   remove everything that was built
#
# The first call sets up .venv: pinned requirements, then the package. Later calls redo only what changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# PyTorch for CPUs is a tenth of the download; where its index cannot be reached, the default one serves.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# What makes an installation out of date. After `make dev` Python is read from the checkout: only what is compiled counts.
EDITABLE := $(wildcard $(VENV)/.editable)
SOURCES := setup.py pyproject.toml \
	$(shell find csrc $(if $(EDITABLE),hologram_core/optable hologram_core/op_signature.py hologram_core/dtypes.py,hologram_core hologram_torch) \
		-name '*.cpp' -o -name '*.h' -o -name '*.py' 2>/dev/null)

# torch's build uses ccache where it is installed; these let clones in different folders share it.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

# The files of the suite go to as many processes as there are cores, in their order: those of few and long tests do not lie at its end.
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest -q
SUITE := $(PYTEST) -n $(WORKERS) --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

.PHONY: demo test test-integrations test-modes test-gpu-full test-sanitize test-install test-all kernels-diff conformance bench docs dev lint clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/python examples/02_train_digits.py

test: $(VENV)/.installed
	$(SUITE) $(PYTEST_ARGS)

test-modes: $(VENV)/.installed
	HOLOGRAM_FUSION=0 $(SUITE) $(PYTEST_ARGS)
	HOLOGRAM_SYNC=1 $(SUITE) $(PYTEST_ARGS)
	HOLOGRAM_TEST_LONG=1 $(SUITE) $(PYTEST_ARGS)

test-integrations: $(VENV)/.integrations $(VENV)/.installed
	$(PYTEST) tests/integrations $(PYTEST_ARGS)

# What runs on every backend: the device as PyTorch's programs see it.
DEVICE_SUITE := tests/aten tests/conformance tests/device tests/programs tests/runtime/trace

test-gpu-full: $(VENV)/.installed
	HOLOGRAM_TEST_LONG=1 $(SUITE) tests/compiler/test_gpu_grid.py tests/compiler/test_gpu_ptx.py tests/compiler/test_gpu_msl.py
	HOLOGRAM_BACKEND=cuda HOLOGRAM_CUDA_DRIVER=fake $(PYTEST) $(DEVICE_SUITE)
	HOLOGRAM_BACKEND=metal HOLOGRAM_METAL_DRIVER=fake $(PYTEST) $(DEVICE_SUITE)

# Python itself is not built for the sanitizers: their libraries must be there before it. Leaks are Python's and torch's; faults are
# what some tests wait for; freed memory is kept for a while, which a test of the memory that is held takes for a leak.
SANITIZED := tests/sdk/test_executor.py tests/sdk/test_ffi.py tests/runtime/test_plan.py tests/runtime/test_pools.py tests/sdk/test_dlpack.py \
	tests/aten/test_storage.py tests/aten/test_reduction.py tests/runtime/trace/test_fusion.py tests/runtime/trace/test_recording_failures.py tests/runtime/trace/test_interrupts.py \
	tests/aten/test_bad_input.py tests/programs/test_programs.py tests/runtime/trace/test_fuzz.py \
	--deselect tests/runtime/trace/test_fusion.py::test_training_for_a_long_time_leaks_nothing
SANITIZED_ENV = LD_PRELOAD="$(foreach name,asan ubsan stdc++,$$($(CXX) -print-file-name=lib$(name).so))" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_odr_violation=0:handle_segv=0 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

test-sanitize: $(VENV)/.installed
	mkdir -p build/sanitize
	tar -cf - --exclude='*.so' setup.py pyproject.toml README.md csrc hologram_core hologram_torch tests examples \
		| tar -xf - -C build/sanitize
	cd build/sanitize && HOLOGRAM_SANITIZE=address,undefined $(CURDIR)/$(BIN)/python setup.py -q build_ext --inplace
	cd build/sanitize && $(SANITIZED_ENV) PYTHONPATH=$(CURDIR)/build/sanitize HOLOGRAM_CACHE_DIR=$(CURDIR)/build/sanitize/cache \
		$(CURDIR)/$(PYTEST) -p no:cacheprovider $(SANITIZED) $(PYTEST_ARGS)

test-install:
	tests/install/matrix.sh

test-all: test-modes test-integrations test-gpu-full test-sanitize conformance test-install

kernels-diff: $(VENV)/.installed
	$(BIN)/python -m tests.compiler.kernels_diff $(REV) $(KERNELS_DIFF_ARGS)

conformance: $(VENV)/.installed
	$(BIN)/python -m tests.conformance $(CONFORMANCE_ARGS)

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.run

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet --site-dir build/site

dev: $(VENV)/.editable
	$(MAKE) --no-print-directory $(VENV)/.installed

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/mypy --no-error-summary
	$(BIN)/git-clang-format --quiet --diff --binary $(BIN)/clang-format HEAD -- csrc tests

$(VENV)/.requirements: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed: make PYTHON=...") if sys.version_info < (3, 10) else None'
	$(PYTHON) -m venv $(VENV)
	index=$$($(PYTHON) -c 'import urllib.request as u; u.urlopen("$(TORCH_INDEX)/torch/", timeout=5)' 2>/dev/null \
		&& echo --extra-index-url $(TORCH_INDEX)); \
	$(BIN)/python -m pip install --disable-pip-version-check $$index -r requirements.txt
	touch $@

$(VENV)/.installed: $(VENV)/.requirements $(SOURCES)
	$(if $(EDITABLE),HOLOGRAM_DEV=1) $(BIN)/python -m pip install --disable-pip-version-check --no-build-isolation --no-deps $(if $(EDITABLE),--editable) .
	touch $@

$(VENV)/.editable: | $(VENV)/.requirements $(VENV)/.dev
	rm -f $(VENV)/.installed
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.requirements
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/.integrations: requirements-integrations.txt $(VENV)/.requirements
	$(BIN)/python -m pip install --disable-pip-version-check -c requirements.txt -r requirements-integrations.txt
	touch $@

$(VENV)/.docs: docs/requirements.txt $(VENV)/.requirements
	$(BIN)/python -m pip install --disable-pip-version-check -r docs/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info compile_commands.json hologram_core/*.so hologram_core/*.dylib hologram_torch/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
