#!/bin/sh
# Brings the crates of Cargo.lock, exactly those, for this machine's platform. When all of them are here it says nothing
# and needs no network, and neither does cargo afterwards (the callers set CARGO_NET_OFFLINE).
set -eu

cd "$(dirname "$0")/.."

command -v cargo >/dev/null && command -v rustc >/dev/null || {
    echo "install-crates: cargo and rustc are needed: install Rust with rustup (https://rustup.rs)." >&2
    exit 2
}
version=$(rustc -vV) # the first call of a fresh rustup also installs the toolchain of rust-toolchain.toml
platform=$(printf '%s\n' "$version" | sed -n 's/^host: //p')

if ! cargo fetch --quiet --locked --offline --target "$platform" 2>/dev/null; then
    echo "install-crates: fetching the crates of Cargo.lock (70 MB) from the registry into cargo's home" >&2
    cargo fetch --locked --target "$platform" >&2 || {
        echo "install-crates: the crates could not be fetched, see above: check that the crate registry can be reached, then run this again." >&2
        exit 2
    }
fi
