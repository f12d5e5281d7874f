#!/bin/sh
# Brings Safe's own client packages (api-kit, protocol-kit) of tests/kits, which the tests run against the embedded
# Transaction Service. Only `make test` needs them. Does only what is missing, so a second run needs no network.
set -eu

cd "$(dirname "$0")/../tests/kits"
installed=node_modules/.redhandle-installed
lock=.install-lock
started=.install-started

say() {
    echo "install-kits: $*" >&2
}

fail() {
    say "$*"
    exit 2
}

is_installed() {
    [ -e "$installed" ] && [ -z "$(find package-lock.json -newer "$installed")" ]
}

if is_installed; then
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

if ! is_installed; then
    command -v node >/dev/null && command -v npm >/dev/null ||
        fail "node and npm are needed for Safe's client packages: install Node.js 20 or newer (https://nodejs.org)."
    node -e 'process.exit(parseInt(process.versions.node, 10) >= 20 ? 0 : 1)' ||
        fail "Node.js 20 or newer is needed and this is $(node --version): update it (https://nodejs.org)."
    say "installing Safe's api-kit and protocol-kit (60 MB from npm, into tests/kits/node_modules) for the tests"
    touch "$started" # as old as the start of the work, so that a lock file changed meanwhile counts as newer
    npm ci --ignore-scripts --legacy-peer-deps --loglevel=error >&2 ||
        fail "npm could not install tests/kits/package-lock.json, see above: check that the npm registry can be reached, then run this again."
    mv "$started" "$installed"
fi
