# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything is built below build/; see make help.

PREFIX := /usr/local
FFMPEG := build/ffmpeg/ffmpeg
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := all

# What is configured, applied and copied already costs next to nothing, so
# every target asks for it.
all:
	@scripts/build

demo: all
	@demo/run $(FFMPEG) build/demo

check: all
	@scripts/check

check-long: all
	@scripts/check-long

bench: all
	@tests/bench/run $(FFMPEG) build/bench $(BENCH)

series:
	@scripts/series

check-series:
	@scripts/check-series $(SET)

check-matrix:
	@scripts/matrix

install: all
	@scripts/install "$(DESTDIR)" "$(PREFIX)"

clean:
	rm -rf build/ffmpeg build/demo build/bench build/logs

distclean:
	rm -rf build

help:
	@echo 'make               build build/ffmpeg/ffmpeg (configures first when needed)'
	@echo 'make demo          super-resolution of a real clip, into build/demo'
	@echo 'make check         all tests; ends with "N passed, N failed"'
	@echo 'make check-long    the long forms: faults, fuzzing, lives under sanitizers (an hour)'
	@echo 'make bench         the benchmarks; make bench BENCH="--rounds 1 --part 0.1": a quick try'
	@echo 'make install PREFIX=/usr/local   install ffmpeg, ffprobe and the libraries'
	@echo 'make series        write the commits of build/src to patches/'
	@echo 'make check-series  every patch on its own: applies, builds, passes its tests (slow);'
	@echo '                   make check-series SET=2: those of one set'
	@echo 'make check-matrix  builds and tests with other LibTorch, compilers, options (slow; root)'
	@echo 'make clean         remove what was built; make distclean: build/src too'
	@echo './configure --help other FFmpeg and LibTorch; options for FFmpeg'
	@echo 'scripts/variant    builds beside build/ffmpeg: tsan, asan, nothreads, notorch, ...'

.PHONY: all demo check check-long bench series check-series check-matrix install clean distclean help
