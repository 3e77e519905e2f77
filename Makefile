# Front door; Meson does the work. `make help` lists the targets.
BUILD ?= build
ASAN ?= build-asan
FUZZ ?= build-fuzz
FUZZ_SECONDS ?= 60
DEMO ?= results/demo
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: help deps deps-dev build demo test bench lint format fuzz docs install clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

deps: ## install what the build needs (Debian 12)
	@scripts/deps.sh

deps-dev: ## and what lint and fuzz need
	@scripts/deps.sh dev

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) >/dev/null

build: deps $(BUILD)/build.ninja ## build the program and the library
	@ninja -C $(BUILD) --quiet

demo: build ## a whole study on the built-in phantom; prints where report.html is
	@$(BUILD)/cli/manikin demo -o $(DEMO) --force

$(ASAN)/build.ninja: | deps
	@meson setup $(ASAN) -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false >/dev/null

test: build $(ASAN)/build.ninja ## every test, and the fuzz corpora under ASan and UBSan
	@ninja -C $(ASAN) --quiet
	@OMP_WAIT_POLICY=passive meson test -C $(BUILD) --no-rebuild --num-processes 2 --quiet >/dev/null 2>&1 || true
	@OMP_WAIT_POLICY=passive meson test -C $(ASAN) --no-rebuild --num-processes 2 --quiet --suite sanitized >/dev/null 2>&1 || true
	@python3 scripts/summarise_tests.py $(BUILD)/meson-logs/testlog.json $(ASAN)/meson-logs/testlog.json

bench: build ## speed against this machine's limit (and PyTorch where installed)
	@BENCH=$(BUILD)/bench sh bench/run.sh

lint: deps-dev $(BUILD)/build.ninja ## clang-format, clang-tidy, cppcheck, shellcheck
	@sh scripts/lint.sh $(BUILD)

format: ## lay out the sources with clang-format
	@git ls-files '*.c' '*.h' | grep -v '^tests/golden/' | xargs clang-format-14 -i

fuzz: deps-dev ## run every fuzz target for FUZZ_SECONDS seconds
	@[ -f $(FUZZ)/build.ninja ] || CC=clang-14 meson setup $(FUZZ) -Dbuildtype=debugoptimized -Dfuzz=true -Db_lundef=false \
	  -Db_sanitize=address,undefined >/dev/null
	@ninja -C $(FUZZ) --quiet
	@sh scripts/fuzz.sh $(FUZZ) $(FUZZ_SECONDS)

docs: build ## remake docs/options.md and the man pages from the option tables
	@$(BUILD)/cli/manikin help markdown > docs/options.md
	@sh scripts/man.sh $(BUILD)/cli/manikin docs/man

install: build ## install under PREFIX (default /usr/local)
	@meson configure $(BUILD) -Dprefix=$(or $(PREFIX),/usr/local) && meson install -C $(BUILD)

clean: ## remove the build folders
	@rm -rf $(BUILD) $(ASAN) $(FUZZ)
