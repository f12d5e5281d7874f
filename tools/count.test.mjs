// What cargo and forge print, in good days and bad, and what must be counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { forge, libtest } from './count.mjs';

function counted(reader, text) {
  for (const line of text.split('\n')) reader.read(line);
  return reader.end();
}

const LIBRARY = '     Running unittests src/lib.rs (target/debug/deps/redhandle-1)';
const ok = (passed, ignored = 0) =>
  `test result: ok. ${passed} passed; 0 failed; ${ignored} ignored; 0 measured; 0 filtered out; finished in 0.02s`;

test('the results of every binary and of the examples are summed', () => {
  // edition 2024 runs examples that must not compile apart from the others, so one heading may have two results
  const integration = '     Running tests/it/main.rs (target/debug/deps/it-1)';
  const text = [LIBRARY, ok(5, 1), integration, ok(2), '   Doc-tests redhandle', ok(3), ok(1)];
  assert.deepEqual(counted(libtest(), text.join('\n')), { passed: 11, failed: 0, skipped: 1, silent: [] });
});

test('a failure is counted', () => {
  const result = 'test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s';
  assert.deepEqual(counted(libtest(), `${LIBRARY}\n${result}`), { passed: 4, failed: 2, skipped: 0, silent: [] });
});

test('a test that says it was skipped did not pass', () => {
  const captured = `${LIBRARY}\n---- a stdout ----\nSKIPPED: no database here\n${ok(3)}`;
  const direct = `${LIBRARY}\ntest a ... SKIPPED: no database here\nok\n${ok(3)}`;
  for (const text of [captured, direct]) {
    assert.deepEqual(counted(libtest(), text), { passed: 2, failed: 0, skipped: 1, silent: [] });
  }
});

test('a binary that never told its result is named', () => {
  const last = counted(libtest(), `${LIBRARY}\nrunning 3 tests\ntest a ... ok`);
  assert.deepEqual(last.silent, ['unittests src/lib.rs (target/debug/deps/redhandle-1)']);

  const between = counted(libtest(), `${LIBRARY}\nrunning 3 tests\n   Doc-tests redhandle\n${ok(1)}`);
  assert.deepEqual(between.silent, ['unittests src/lib.rs (target/debug/deps/redhandle-1)']);
});

test('forge is believed by its summary alone', () => {
  const suite = 'Suite result: ok. 8 passed; 0 failed; 0 skipped; finished in 2ms (1ms CPU time)';
  const summary = 'Ran 2 test suites in 4ms (3ms CPU time): 9 tests passed, 1 failed, 2 skipped (12 total tests)';
  assert.deepEqual(counted(forge(), `${suite}\n${summary}`), { passed: 9, failed: 1, skipped: 2, silent: [] });
  assert.deepEqual(counted(forge(), suite).silent, ['forge test']);
  assert.deepEqual(counted(forge(), 'Error: compilation failed').silent, ['forge test']);
});
