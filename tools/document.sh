#!/bin/sh
# Documents the library with the very artefacts that the tests use. `cargo doc` would first compile the dependencies a
# second time, as metadata; `cargo test --doc` calls rustdoc with the artefacts it has, so this stands in for rustdoc
# there (RUSTDOC=tools/document.sh) and turns that call, made to test the examples, into one that writes the pages to
# DOCUMENTS. The call is otherwise unchanged: edition, cfg, lints and crates are cargo's.
set -eu

previous=
for argument do
    shift
    case "$previous $argument" in
        *" --test" | *" --test-run-directory" | "--test-run-directory "*) ;;
        *" --extern") ;;
        "--extern redhandle="*) ;; # the library is what is documented here, not something it knows
        "--extern "*) set -- "$@" --extern "$argument" ;;
        *) set -- "$@" "$argument" ;;
    esac
    previous=$argument
done
exec rustdoc "$@" -D warnings --out-dir "$DOCUMENTS"
