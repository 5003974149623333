// Counts the checks of an Nx run: `node .ci/count.cjs <run.json> <folder of test totals>` prints '<passed> <failed>', and
// the failures to stderr. A lint, a type check or a set-up is one check; each test is one. A test file that does not run
// is one failure, and so is a failed or skipped task without totals.
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const [runFile, totalsFolder] = process.argv.slice(2);

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

const run = readJson(runFile);
let passed = 0;
let failed = run === undefined ? 1 : 0;
if (run === undefined) console.error('FAILED: Nx wrote no record of its run');
for (const { taskId, target, projectName, status } of run?.tasks ?? []) {
  const totals = target === 'test' ? readJson(join(totalsFolder, `${projectName}.json`)) : undefined;
  const taskFailed = status !== 0;
  const failures = totals ? totals.failed + totals.brokenSuites : 0;
  passed += totals ? totals.passed : taskFailed ? 0 : 1;
  failed += Math.max(failures, taskFailed ? 1 : 0);
  if (taskFailed) console.error(`FAILED: ${taskId}${totals ? ` (${failures} of its tests and test files)` : ''}`);
  for (const failure of totals?.failures ?? []) console.error(`  ${failure}`);
}
console.log(`${passed} ${failed}`);
