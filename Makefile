# `make demo` and `make test` do everything on a machine that has Rust (rustup and cargo, with a C compiler) and
# Node.js 20 or newer. What they install and build they say on stderr; stdout is the demo's, or the tests' results.
# make itself turns every failure into exit code 2 (for the demo's own: `cargo run -- demo`), and says on stdout which
# directory it enters when it is called with -C: add --no-print-directory there.

MAKEFLAGS += --no-print-directory

.PHONY: help demo test install

help:
	@echo 'make demo     the whole story on a local chain, in about a minute; ARGS=--json for a machine reader'
	@echo 'make test     formatting, lints, documentation and every test; its last line counts them'
	@echo 'make install  what both need and is missing: the crates, anvil, forge, the Safe contracts'
	@echo '              (make test also brings the npm packages api-kit and protocol-kit, for its own use)'

# Fetches only what is missing, so a second run needs no network.
install:
	@sh tools/install-crates.sh >&2
	@sh tools/install-chain.sh >&2

demo: install
	@CARGO_NET_OFFLINE=true cargo run --locked -- demo $(ARGS)

test:
	@command -v node >/dev/null || { \
	    echo 'make test: node is needed: install Node.js 20 or newer (https://nodejs.org).' >&2; \
	    echo 'tests: 0 passed, 1 failed, 0 skipped'; exit 2; }
	@node tools/gate.mjs
