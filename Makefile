# SPDX-License-Identifier: Apache-2.0
# make: build/release/cordata.   make demo, test, test-solver, asan, tsan, bench, bench-solver, bench-truth, calibrate, fuzz-ops, fuzz-reader, prove-solver: see README.md.
BUILD := build/release
PLANNER ?= auto

.PHONY: all asan bench bench-solver bench-truth build calibrate demo format fuzz-ops fuzz-reader prove-solver setup test test-solver tsan
all: build

setup:
	@tools/setup

build: setup
	@[ -e $(BUILD)/build.ninja ] || cmake --preset release >/dev/null
	@ninja -C $(BUILD) -j $$(tools/jobs) --quiet

test: build
	@tools/setup demo  # a test reads the demo's text
	@tools/setup solver
	@tools/test $(BUILD)

# Every room's unit tests under sanitizers: address and undefined behaviour, or threads. What comes from outside (MPI, the
# plugin) isn't built with them: it keeps memory to its end, so leaks are not looked for, and tests that run it can't be seen
# through by the thread sanitizer. A short form of both is in `make test` (tests/sanitized).
SANITIZED = ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 TSAN_OPTIONS=halt_on_error=1
asan tsan: setup
	@[ -e build/$@/build.ninja ] || cmake --preset $@ >/dev/null
	@ninja -C build/$@ -j $$(tools/jobs) --quiet unit_tests
	@$(SANITIZED) tools/test build/$@ -R '^[a-z_]+\.[A-Z]'

demo: build
	@tools/demo $(PLANNER)

bench: build
	@bench/run

# `cordata solve` on the contest's instances, beside HiGHS and CP-SAT, and on variants; 80 minutes. INSTANCES: where they are.
bench-solver: build
	@tools/setup solver
	@bench/solver --write $(if $(INSTANCES),--instances $(INSTANCES)) $(ARGUMENTS)

# 1,000 problems of up to 300 nodes beside CP-SAT, half an hour; CORDATA_SOLVER_SEED (environment) repeats one.
test-solver: build
	@tools/setup solver
	@CORDATA_SOLVER_CASES=1000 tools/test $(BUILD) -R tests/solver/test_cp_sat.py -V

# What `cordata solve` calls optimal, proven again by CP-SAT or HiGHS; the log is docs/results/solver-proofs.md.
prove-solver: build
	@tools/setup solver
	@bench/prove_again --write $(if $(INSTANCES),--instances $(INSTANCES)) $(ARGUMENTS)

# Fits the V100's constants on the published rows on one GPU; nothing is changed.
calibrate: build
	@bench/calibrate

# Predicted beside measured on ranks of this machine and, as root, on namespaces with limited links; about an hour.
bench-truth: build
	@bench/truth --write

# Damaged modules until one is misread; COUNT and SEED as tests/corpus/fuzz_reader.cc says.
COUNT ?= 10000000
SEED ?= $(shell date +%s)000000
fuzz-reader: build
	@$(BUILD)/fuzz_reader --count $(COUNT) --seed $(SEED) $(BUILD)/corpus/testdata/*.mlir tests/corpus/forms/*.mlir

# Ops cut in every way that their rules allow, from seed FROM on, CASES of them.
FROM ?= 1
CASES ?= 50000
fuzz-ops: build
	@$(BUILD)/fuzz_ops $(FROM) $(CASES)

format:
	@git ls-files '*.h' '*.cc' | xargs -r clang-format -i
