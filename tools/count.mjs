// Counts what test runners print, line by line. A reader's end() has the sums, and in `silent` whoever began and never
// told how it went: a crash, or a test that left the process with exit code 0, must not pass as success.

// Sums the result lines of `cargo test`, one for each test binary and one or more for the documentation's examples.
//
// libtest knows no test that finds at run time that it cannot run: such a test prints one line "SKIPPED: why" and returns,
// is called passed by libtest, and is moved to the skipped here.
export function libtest() {
  const seen = { passed: 0, failed: 0, skipped: 0, silent: [] };
  let awaited;
  return {
    read(line) {
      const begun = line.match(/^ +(?:Running|Doc-tests) (.+)$/);
      const result = line.match(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/);
      if (begun) {
        if (awaited) seen.silent.push(awaited);
        awaited = begun[1];
      } else if (result) {
        awaited = undefined;
        seen.passed += Number(result[1]);
        seen.failed += Number(result[2]);
        seen.skipped += Number(result[3]);
      } else if (/^(?:test .* \.\.\. )?SKIPPED: /.test(line)) {
        seen.passed -= 1;
        seen.skipped += 1;
      }
    },
    end() {
      if (awaited) seen.silent.push(awaited);
      awaited = undefined;
      return seen;
    },
  };
}

// Reads the one summary line of `forge test`.
export function forge() {
  const seen = { passed: 0, failed: 0, skipped: 0, silent: ['forge test'] };
  return {
    read(line) {
      const sums = line.match(/^Ran \d+ test suites? .*: (\d+) tests? passed, (\d+) failed, (\d+) skipped/);
      if (!sums) return;
      [seen.passed, seen.failed, seen.skipped] = sums.slice(1).map(Number);
      seen.silent = [];
    },
    end: () => seen,
  };
}
