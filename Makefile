# SPDX-License-Identifier: Apache-2.0
# make: build/release/cordata.   make demo, test, bench: see README.md.
BUILD := build/release
PLANNER ?= auto

.PHONY: all build setup demo test bench format fuzz-reader
all: build

setup:
	@tools/setup

build: setup
	@[ -e $(BUILD)/build.ninja ] || cmake --preset release >/dev/null
	@ninja -C $(BUILD) -j $$(tools/jobs) --quiet

test: build
	@tools/test $(BUILD)

demo: build
	@tools/demo $(PLANNER)

bench: build
	@bench/run

# Damaged modules until one is misread; COUNT and SEED as tests/corpus/fuzz_reader.cc says.
COUNT ?= 10000000
SEED ?= $(shell date +%s)000000
fuzz-reader: build
	@$(BUILD)/fuzz_reader --count $(COUNT) --seed $(SEED) $(BUILD)/corpus/testdata/*.mlir tests/corpus/forms/*.mlir

format:
	@git ls-files '*.h' '*.cc' | xargs -r clang-format -i
