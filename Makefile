# SPDX-License-Identifier: Apache-2.0
# make: build/release/cordata.   make demo, test, bench: see README.md.
BUILD := build/release
PLANNER ?= auto

.PHONY: all build setup demo test bench format
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

format:
	@git ls-files '*.h' '*.cc' | xargs -r clang-format -i
