#!/bin/sh
# rustc, with coverage counters for libFuzzer in our own crates. Called by cargo for tools/fuzz.sh: RUSTC and its arguments.
set -eu

case " $* " in
*" --crate-name redhandle "* | *" --crate-name any "*)
    exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$@"
