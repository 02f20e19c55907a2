# What can be done here. `make` builds, `make demo` shows, `make test` tests.
PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
# The programs under test and to be installed lie together here; cargo's own directory also holds what tests were built with.
DIST := $(CURDIR)/target/dist
# Linked statically, since they are started most: package:program.
STATIC := aril-cli:aril aril-launcher:aril-launch aril-proxy:aril-dbus-proxy
# Linked with libostree and libsolv.
DYNAMIC := aril-transaction:aril-change aril-builder:aril-build
PROGRAMS := $(foreach pair,$(DYNAMIC) $(STATIC),$(lastword $(subst :, ,$(pair))))

bindir = $(DESTDIR)$(PREFIX)/bin
libexecdir = $(DESTDIR)$(PREFIX)/libexec/aril
datadir = $(DESTDIR)$(PREFIX)/share

.PHONY: all prepare install uninstall demo test test-all compat bench fuzz lint bless clean
.DELETE_ON_ERROR:

all: prepare
	@mkdir -p $(DIST)
	$(CARGO) build --release --locked $(foreach pair,$(DYNAMIC),-p $(firstword $(subst :, ,$(pair)))) --bins
	@cd target/release && install -m 755 $(foreach pair,$(DYNAMIC),$(lastword $(subst :, ,$(pair)))) $(DIST)
	$(foreach pair,$(STATIC),$(call static,$(firstword $(subst :, ,$(pair))),$(lastword $(subst :, ,$(pair)))))
	@echo "built in $(DIST): $(PROGRAMS)"

# Flags for this program alone: RUSTFLAGS would hit those that are linked with C libraries, too.
define static
	$(CARGO) rustc --release --locked -p $(1) --bin $(2) -- -C target-feature=+crt-static
	@if ldd target/release/$(2) 2>&1 | grep -q '=>'; then echo "$(2) is not static" >&2; exit 1; fi
	@install -m 755 target/release/$(2) $(DIST)

endef

prepare:
	@tests/prepare build

install:
	@test -x $(DIST)/aril || { echo "there is nothing to install: run \`make\` first" >&2; exit 1; }
	install -d $(bindir) $(libexecdir) $(datadir)/man/man1 $(datadir)/aril $(datadir)/bash-completion/completions \
		$(datadir)/zsh/site-functions $(datadir)/fish/vendor_completions.d
	install -m 755 $(DIST)/aril $(bindir)
	install -m 755 $(foreach program,$(filter-out aril,$(PROGRAMS)),$(DIST)/$(program)) $(libexecdir)
	install -m 644 docs/man/*.1 $(datadir)/man/man1
	cp -R sdk-manifests $(datadir)/aril/
	$(DIST)/aril completion bash > $(datadir)/bash-completion/completions/aril
	$(DIST)/aril completion zsh > $(datadir)/zsh/site-functions/_aril
	$(DIST)/aril completion fish > $(datadir)/fish/vendor_completions.d/aril.fish

uninstall:
	rm -rf $(bindir)/aril $(libexecdir) $(datadir)/aril $(datadir)/bash-completion/completions/aril \
		$(datadir)/zsh/site-functions/_aril $(datadir)/fish/vendor_completions.d/aril.fish
	rm -f $(foreach page,$(notdir $(wildcard docs/man/*.1)),$(datadir)/man/man1/$(page))

demo: prepare-test all
	ARIL_BIN_DIR=$(DIST) tests/demo

# Tests are built as the programs are, so that nothing is compiled twice; they test what `make` built.
CARGO_TEST = ARIL_BIN_DIR=$(DIST) $(CARGO) test --release --locked

.PHONY: prepare-test
prepare-test:
	@tests/prepare test

test: prepare-test all
	$(CARGO_TEST) --workspace --no-fail-fast

# The rest: what takes long is marked `ignore` with the word.
test-all: test
	$(CARGO_TEST) --workspace -- --ignored

compat: prepare-test all
	$(CARGO_TEST) -p aril-tests --test oracle -- --include-ignored --nocapture

bench: prepare-test all
	ARIL_BIN_DIR=$(DIST) $(CARGO) bench --locked -p aril-tests

# Each parser for FUZZ_SECONDS; cargo-fuzz and a nightly compiler are not installed behind your back.
FUZZ_SECONDS ?= 60
fuzz:
	@$(CARGO) fuzz --version >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	cd tests/fuzz && for target in $(notdir $(basename $(wildcard tests/fuzz/targets/*.rs))); do \
		$(CARGO) +nightly fuzz run --fuzz-dir . $$target corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --offline --all-features check bans licenses sources; \
	else \
		echo "cargo-deny is missing, and the dependencies were not checked: cargo install --locked cargo-deny"; \
	fi

# Writes what is made from the definitions of the commands: manual pages, and the sessions that show help.
bless:
	ARIL_BLESS=1 $(CARGO) test --locked -p aril-cli --test man
	TRYCMD=overwrite $(CARGO) test --locked -p aril-cli --test cli

clean:
	$(CARGO) clean
