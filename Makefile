# Everything that is done with this repository. "make" lists it.
#
# The C part is built by c_src/Makefile, the Erlang part by rebar3, and both
# together with the Elixir part by mix. Each keeps to its own folder of _build.

DEMO ?= examples/two_buyer/demo.exs
JOBS ?= $(shell nproc)
# For each fuzzer, in "make fuzz".
FUZZ_SECONDS ?= 600
# What "make soak" takes; the misuse before it takes two minutes more.
SECONDS ?= 600
# Whoever works on this repository gets a warning as an error.
export WERROR ?= 1
# The results are read from what the tools print.
export LC_ALL := C.UTF-8

DEMO_PACKAGES := erlang-base erlang-dev elixir gcc libc6-dev make
TEST_PACKAGES := $(DEMO_PACKAGES) rebar3 erlang-eunit erlang-common-test erlang-dialyzer \
  erlang-tools erlang-proper erlang-proper-dev libcriterion-dev binutils clang \
  libclang-rt-14-dev clang-format clang-tidy shellcheck git

# What "make test" runs, in this order. Each is a target of its own.
LINTS := format-c format-elixir tidy shell xref dialyzer edoc
PARTS := symbols test-c test-c-asan test-fuzz test-embed test-eunit \
  $(if $(wildcard test/*_SUITE.erl),test-ct) test-asan test-elixir test-package $(LINTS)

C := +$(MAKE) --no-print-directory -j$(JOBS) -C c_src
OUT := _build/test
c_files := $(wildcard c_src/*/*.[ch] test/*/*.[ch] examples/*/*.[ch])
fuzzers := $(patsubst test/fuzz/%.c,_build/c/fuzz/%,$(wildcard test/fuzz/*.c))
benchmarks := $(patsubst test/bench/%.c,_build/c/release/bench/%,$(wildcard test/bench/*.c))

# $(call report,NAME,COMMAND): a check that passes or fails as a whole.
report = if $(2); then echo "PASS $(1)"; else echo "FAIL $(1)"; exit 1; fi

# $(call each,COMMAND,FILES): one after the other, until one fails.
each = for file in $(2); do echo "== $$file"; $(1) $$file || exit; done
bench: export MIX_ENV = prod

.PHONY: help demo test bench fuzz soak misuse deps build install format lint clean test-ct $(PARTS)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: export WERROR =
demo: ## runs the example, with all it needs
	@tools/deps.sh $(DEMO_PACKAGES)
	@mix run $(DEMO)

test: deps ## every test and check below; ends with "N passed, N failed"
	+@MAKE='$(MAKE)' tools/run_parts.sh $(OUT) $(PARTS)

deps: ## installs the Debian packages that are missing
	@tools/deps.sh $(TEST_PACKAGES)

build: ## the driver and the command, Erlang, Elixir
	$(C)
	rebar3 compile
	mix compile

install: ## the command and the C library, under DESTDIR and PREFIX
	$(C) install

symbols: ## what the core may define and use
	$(C) all lib
	@tools/symbols.sh _build/c/release/libmaty.a priv/maty_drv.so

test-c: ## the C tests
	$(C) test
	_build/c/check/maty_test --timeout 300 -j$(JOBS)

test-c-asan: ## the C tests under the address and undefined behaviour sanitizers
	$(C) asan
	tools/sanitized.sh $(OUT)/asan-c _build/c/asan/maty_test --timeout 300 -j$(JOBS)

test-fuzz: ## each fuzzer for a few seconds
	$(C) fuzz
	@tools/fuzz.sh $(OUT)/fuzz 5 $(fuzzers)

test-embed: ## the C example prints what it should
	$(C) embed
	@$(call report,embed,_build/c/release/embed | diff -u examples/embed/expected.txt -)

fuzz: ## each fuzzer for a long time
	$(C) fuzz
	@tools/fuzz.sh _build/fuzz $(FUZZ_SECONDS) $(fuzzers)

misuse: export SOAK_SECONDS = 60
misuse: ## random misuse of the driver for a minute, and under the address sanitizer
	$(C) all asan
	rebar3 eunit --module=maty_hostile_tests
	@tools/asan_vm.sh $(OUT)/asan maty_hostile_tests

soak: export MIX_ENV = prod
soak: misuse ## the misuse, then random sessions; memory has to stay flat
	mix run test/soak/soak.exs $(SECONDS)

test-eunit: ## EUnit and PropEr
	$(C)
	rebar3 eunit

test-ct: ## Common Test
	$(C)
	rebar3 ct

test-elixir: ## ExUnit, which also runs every example
	$(C)
	mix test --warnings-as-errors

test-asan: ## EUnit with the driver under the address sanitizer
	$(C) asan
	rebar3 as test compile
	@tools/asan_vm.sh $(OUT)/asan

test-package: ## rebar3 and mix build Maty as a dependency and in a release
	@test/package/run.sh

bench: ## the benchmarks
	$(C) all bench
	@printf 'name\tvalue\tunit\tbaseline\tbaseline value\tratio\n' > _build/bench.tsv
	@$(call each,,$(benchmarks))
	@$(call each,mix run,$(wildcard test/bench/*.exs))

lint: $(LINTS) ## every check of the sources below

format: ## rewrites C and Elixir in the one format
	clang-format -i $(c_files)
	mix format

format-c: ## C is formatted
	@$(call report,clang-format,clang-format --dry-run -Werror $(c_files))

format-elixir: ## Elixir is formatted
	@$(call report,mix format,mix format --check-formatted)

tidy: ## clang-tidy finds nothing
	@$(call report,clang-tidy,$(MAKE) --no-print-directory -j$(JOBS) -k -C c_src tidy)

shell: ## shellcheck finds nothing
	@$(call report,shellcheck,shellcheck .ci/run tools/*.sh test/package/*.sh)

xref: ## Erlang compiles without warnings, and no call leads nowhere
	@$(call report,xref,rebar3 as lint xref)

dialyzer: ## the types of Erlang fit
	@$(call report,dialyzer,rebar3 dialyzer)

edoc: ## the documentation of Erlang can be built
	@$(call report,edoc,rebar3 edoc)

clean: ## removes all that was built
	$(C) clean
	rm -rf _build
