#!/bin/sh
# Fuzzes parsers on the stable toolchain, one after the other: sh tools/fuzz.sh SECONDS [NAME…], all of them by default.
# libFuzzer starts from fuzz/seeds/NAME, keeps what it learns in fuzz/corpus/NAME (not committed), and leaves what fails in
# fuzz/artifacts/NAME: put that into fuzz/seeds/NAME, and `make test` runs it for ever.
#
# It needs a C++ compiler, which builds libFuzzer.
#
# Only our own crate is instrumented: the dependencies are the ones that cargo compiled already, if CARGO_TARGET_DIR is
# the package's. cargo-fuzz instruments everything, which finds no more here and compiles 400 crates again.
set -eu

cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(sed -n 's/.*Parser { name: "\([a-z_]*\)".*/\1/p' fuzz/parsers/mod.rs)

target=${CARGO_TARGET_DIR:-$PWD/target}
RUSTC_WRAPPER="$PWD/tools/fuzz-rustc.sh" CARGO_TARGET_DIR="$target" \
    cargo build --locked --manifest-path fuzz/Cargo.toml --bin any
failed=
for name in "$@"; do
    mkdir -p "fuzz/corpus/$name" "fuzz/artifacts/$name"
    echo "fuzz: $name for $seconds s" >&2
    REDHANDLE_PARSER=$name "$target/debug/any" "fuzz/corpus/$name" "fuzz/seeds/$name" \
        -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$name/" >"fuzz/artifacts/$name.log" 2>&1 || {
        failed="$failed $name"
        tail -n 25 "fuzz/artifacts/$name.log" >&2
    }
    grep -E "^stat::(number_of_executed_units|peak_rss_mb)" "fuzz/artifacts/$name.log" >&2 || true
done
[ -z "$failed" ] || { echo "fuzz: failed:$failed" >&2; exit 1; }
