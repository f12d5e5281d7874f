#!/bin/sh
# Brings the local chain that the tests and the demo need: anvil, forge and the real Safe contracts from npm, and the
# build of foundry-tests/. Does only what is missing, so a second run needs neither network nor Node and is instant.
set -eu

cd "$(dirname "$0")/../foundry-tests"
installed=node_modules/.redhandle-installed
built=out/.redhandle-built
lock=.install-lock
started=.install-started

say() {
    echo "install-chain: $*" >&2
}

fail() {
    say "$*"
    exit 2
}

platform() {
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64 | Linux-amd64) echo linux-amd64 ;;
        Linux-aarch64 | Linux-arm64) echo linux-arm64 ;;
        Darwin-x86_64) echo darwin-amd64 ;;
        Darwin-arm64) echo darwin-arm64 ;;
        *) return 1 ;;
    esac
}

# True when $1 exists and none of the files and directories after it is newer.
fresh() {
    made=$1
    shift
    [ -e "$made" ] && [ -z "$(find "$@" -newer "$made")" ]
}

is_installed() {
    fresh "$installed" package-lock.json
}

is_built() {
    is_installed && fresh "$built" "$installed" src test tools foundry.toml
}

if is_built; then
    exit 0
fi

# Two runs at once would delete node_modules under each other: the second waits, then looks again.
# A link is made in one step and names its maker, so the lock of a run that was killed is known as such.
until ln -s "$$" "$lock" 2>/dev/null; do
    holder=$(readlink "$lock" || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
        rm -f "$lock"
    else
        sleep 1
    fi
done
trap 'rm -f "$lock" "$started"' EXIT
trap 'exit 130' INT TERM

platform=$(platform) ||
    fail "npm has no forge and anvil for $(uname -s) on $(uname -m): use Linux or macOS, on x86-64 or arm64."
forge=node_modules/@foundry-rs/forge-$platform/bin/forge
anvil=node_modules/@foundry-rs/anvil-$platform/bin/anvil
cast=node_modules/@foundry-rs/cast-$platform/bin/cast

# A stamp is as old as the start of its work, so that what is edited meanwhile counts as newer.
if ! is_installed; then
    command -v node >/dev/null && command -v npm >/dev/null ||
        fail "node and npm are needed for anvil, forge and the Safe contracts: install Node.js 20 or newer (https://nodejs.org)."
    node -e 'process.exit(parseInt(process.versions.node, 10) >= 20 ? 0 : 1)' ||
        fail "Node.js 20 or newer is needed and this is $(node --version): update it (https://nodejs.org)."
    say "installing anvil, forge, cast, solc, OpenZeppelin and the Safe contracts (230 MB from npm, into foundry-tests/node_modules) for the tests and the demo"
    touch "$started"
    npm ci --ignore-scripts --legacy-peer-deps --loglevel=error >&2 ||
        fail "npm could not install foundry-tests/package-lock.json, see above: check that the npm registry can be reached, then run this again."
    [ -x "$forge" ] && [ -x "$anvil" ] && [ -x "$cast" ] ||
        fail "npm left out $forge, $anvil or $cast, which are optional to it: check that the registry has them for $platform, then run this again."
    mv "$started" "$installed"
fi

if ! is_built; then
    say "building the contracts in foundry-tests with forge"
    touch "$started"
    "$forge" build --quiet >&2 ||
        fail "forge could not build foundry-tests, see above: correct what it names, then run this again."
    mv "$started" "$built"
fi
