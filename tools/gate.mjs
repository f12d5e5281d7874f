#!/usr/bin/env node
// What `make test` runs: stage after stage until one fails, then one closing line that counts the tests.
//
// Invariants: the closing line is printed whatever happens short of SIGKILL, and it says "0 failed" only if every stage
// (save cargo deny, where it is missing) exited with 0 and reported what it tested. stdout has the tests' own output and
// the closing line; what is being done, and how long it took, is on stderr.
//
// The dependencies are compiled once, for the demo, the lints, the documentation and the tests alike. `cargo clippy` and
// `cargo doc` would compile them all again as metadata (300 of 440 units). So clippy compiles our own crate in cargo's
// place while the tests are built, and those tests are the ones that are run; for rustdoc see tools/document.sh.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { forge, libtest } from './count.mjs';

// A gate answers the same twice: random cases begin with this number unless PROPTEST_RNG_SEED gives another. A plain
// `cargo test` begins elsewhere every time, and PROPTEST_CASES makes it look further; what it finds becomes a test.
const RANDOM_CASES_BEGIN_WITH = '20260101';
const STAGE_MINUTES_MAX = 45; // a cold build takes about 7 minutes on two idle cores
const DRAIN_SECONDS_MAX = 5; // an orphan of a test may hold its output open for ever

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const total = { passed: 0, failed: 0, skipped: 0 };
let finished = false;
let running;

const say = (text) => process.stderr.write(`make test: ${text}\n`);
const ask = (program, ...args) => spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20 });

process.on('exit', () => {
  if (!finished) total.failed += 1;
  console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    say(`stopped by ${signal}`);
    endLeftovers();
    process.exit(130);
  });
}

// --- running a stage ---

function endLeftovers() {
  if (!running) return;
  try {
    process.kill(-running, 'SIGKILL'); // the whole process group: a test may have left a chain running
  } catch {
    // nothing was left
  }
  running = undefined;
}

// Resolves to why the program failed, or to undefined; feeds what it prints to `reader` if there is one.
function run([program, ...args], { env, directory, reader }) {
  return new Promise((settle) => {
    const options = { cwd: directory, env: { ...process.env, ...env }, detached: true };
    const child = reader
      ? spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', program, ...args], { ...options, stdio: ['ignore', 'pipe', 2] })
      : spawn(program, args, { ...options, stdio: ['ignore', 2, 2] });
    running = child.pid;

    let why;
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      process.stdout.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) reader.read(line);
    });
    const late = setTimeout(() => {
      why = `was still running after ${STAGE_MINUTES_MAX} minutes`;
      endLeftovers();
    }, STAGE_MINUTES_MAX * 60_000);
    const done = () => {
      if (rest) reader.read(rest);
      rest = '';
      settle(why);
    };
    child.on('error', (error) => {
      why = `could not be started (${error.message})`;
      done();
    });
    child.on('exit', (code, signal) => {
      clearTimeout(late);
      if (code !== 0) why ??= signal ? `was ended by ${signal}` : `exited with ${code}`;
      if (reader) setTimeout(() => child.stdout.destroy(), DRAIN_SECONDS_MAX * 1000).unref();
    });
    child.on('close', () => {
      endLeftovers();
      done();
    });
  });
}

// --- the stages ---

const sysroot = ask('rustc', '--print', 'sysroot').stdout?.trim() ?? '';
const clippy = join(sysroot, 'bin', 'clippy-driver');
const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
const offline = { CARGO_NET_OFFLINE: 'true' };
const repeatable = { PROPTEST_RNG_SEED: process.env.PROPTEST_RNG_SEED ?? RANDOM_CASES_BEGIN_WITH };
const linted = { ...offline, RUSTC_WORKSPACE_WRAPPER: clippy, CLIPPY_ARGS: '-Dwarnings__CLIPPY_HACKERY__' };

const missing = (component) =>
  `the ${component} component of the Rust toolchain is missing: run \`rustup component add ${component}\`, then this again`;

function target() {
  const metadata = ask('cargo', 'metadata', '--no-deps', '--format-version=1', '--locked', '--offline');
  return JSON.parse(metadata.stdout).target_directory;
}

const stages = [
  { does: 'the crates of Cargo.lock, if any is missing', command: ['sh', 'tools/install-crates.sh'] },
  { does: 'anvil, forge and the Safe contracts, if missing', command: ['sh', 'tools/install-chain.sh'] },
  { does: "Safe's client packages, if missing", command: ['sh', 'tools/install-kits.sh'] },
  { does: 'the NATS server of the tests, if missing', command: ['sh', 'tools/install-nats.sh'] },
  { does: "this gate's own counting (node --test)", command: ['node', '--test', 'tools/count.test.mjs'] },
  {
    does: 'formatting (cargo fmt --check)',
    lacks: () => ask('cargo', 'fmt', '--version').status !== 0 && missing('rustfmt'),
    command: ['cargo', 'fmt', '--check'],
  },
  {
    does: 'clippy over library, binary, tests and benches, which builds the tests (minutes, the first time)',
    lacks: () => !existsSync(clippy) && missing('clippy'),
    command: ['cargo', 'test', '--locked', '--all-targets', '--no-run'],
    env: linted,
  },
  {
    does: 'documentation: every public item has some, and no link is broken',
    command: ['cargo', 'test', '--locked', '--doc', '--quiet'],
    env: () => ({ ...linted, RUSTDOC: join(root, 'tools/document.sh'), DOCUMENTS: join(target(), 'doc') }),
  },
  {
    does: 'every Rust test (library, binary, integration, examples in the documentation)',
    command: ['cargo', 'test', '--locked', '--no-fail-fast', '--', '--show-output'],
    env: { ...linted, ...repeatable, CARGO_TERM_COLOR: 'never', INSTA_UPDATE: 'no' },
    reader: libtest(),
  },
  {
    does: 'the library without NATS: no feature is needed to build it',
    command: ['cargo', 'check', '--locked', '--no-default-features', '--lib'],
  },
  {
    does: 'clippy over every signing backend, and the tests of keys that are elsewhere (minutes, the first time)',
    command: ['cargo', 'test', '--locked', '--all-features', '--lib', '--test', 'it', '--no-fail-fast', '--', '--show-output', 'signer'],
    env: { ...linted, ...repeatable, CARGO_TERM_COLOR: 'never', INSTA_UPDATE: 'no' },
    reader: libtest(),
  },
  {
    does: 'every contract test (forge test)',
    command: [join(root, `foundry-tests/node_modules/@foundry-rs/forge-${platform}/bin/forge`), 'test', '--color=never'],
    directory: 'foundry-tests',
    reader: forge(),
  },
  {
    does: 'random Safe transactions: our binary against the real contracts of every version (forge test, with ffi)',
    command: [join(root, `foundry-tests/node_modules/@foundry-rs/forge-${platform}/bin/forge`), 'test', '--color=never'],
    directory: 'foundry-tests',
    env: () => ({ FOUNDRY_PROFILE: 'differential', REDHANDLE_BIN: join(target(), 'debug', 'redhandle') }),
    reader: forge(),
  },
  {
    does: 'licences, banned crates and where crates come from (cargo deny)',
    optional: () => ask('cargo', 'deny', '--version').status !== 0 && 'cargo-deny is not installed',
    // not offline: it looks at the crates of every platform, and fetches the ones of the others if they are missing
    command: ['cargo', 'deny', '--locked', 'check', 'bans', 'licenses', 'sources'],
  },
  {
    does: 'the same with every signing backend (cargo deny, deny.features.toml)',
    optional: () => ask('cargo', 'deny', '--version').status !== 0 && 'cargo-deny is not installed',
    command: [
      ...['cargo', 'deny', '--locked', '--all-features'],
      ...['check', '--config', 'deny.features.toml', 'bans', 'licenses', 'sources'],
    ],
  },
];

// Resolves to why the stage failed, or to undefined, and adds what it counted to the total.
async function perform(stage) {
  const lacking = stage.lacks?.();
  if (lacking) {
    total.failed += 1;
    return lacking;
  }
  const env = typeof stage.env === 'function' ? stage.env() : stage.env;
  const failed = await run(stage.command, { ...stage, env });
  const seen = stage.reader?.end() ?? { passed: 0, failed: 0, skipped: 0, silent: [] };
  const silent = seen.silent.map((name) => `${name} did not report its result`);
  const reported = seen.failed > 0 ? [`${seen.failed} failed`] : [];
  const why = [...reported, ...silent, ...(failed ? [`${stage.command[0]} ${failed}`] : [])];

  total.passed += seen.passed;
  total.skipped += seen.skipped;
  total.failed += seen.failed + silent.length;
  if (failed && seen.failed + silent.length === 0) total.failed += 1;
  return why.length > 0 ? why.join('; ') : undefined;
}

for (const [index, stage] of stages.entries()) {
  const name = `${index + 1}/${stages.length}`;
  const unavailable = stage.optional?.();
  if (unavailable) {
    total.skipped += 1;
    say(`${name} SKIPPED: ${stage.does}: ${unavailable}`);
    continue;
  }
  say(`${name} ${stage.does}`);
  const began = performance.now();
  const why = await perform(stage);
  const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  if (why) {
    say(`${name} FAILED after ${took}: ${why}`);
    break;
  }
  say(`${name} done in ${took}`);
}

if (total.failed === 0 && total.passed <= 0) {
  say('FAILED: no test was run');
  total.failed += 1;
}
process.exitCode = total.failed > 0 ? 1 : 0;
finished = true;
