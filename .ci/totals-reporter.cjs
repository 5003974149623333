// A jest reporter, which jest.preset.cjs adds if TEST_TOTALS names a folder. It writes a project's totals there, with the
// names and first lines of failures, so that .ci/run can repeat them at the end of a long log.
'use strict';
const { mkdirSync, writeFileSync } = require('node:fs');
const { basename, join, relative } = require('node:path');
const { stripVTControlCharacters } = require('node:util');

module.exports = class TotalsReporter {
  constructor({ rootDir }, { folder }) {
    this.folder = folder;
    this.file = join(folder, `${basename(rootDir)}.json`);
  }

  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults }) {
    mkdirSync(this.folder, { recursive: true });
    const totals = {
      passed: numPassedTests,
      failed: numFailedTests,
      brokenSuites: numRuntimeErrorTestSuites,
      failures: testResults.flatMap(failuresOf),
    };
    writeFileSync(this.file, JSON.stringify(totals));
  }
};

function failuresOf({ testFilePath, testExecError, failureMessage, testResults }) {
  const file = relative(process.cwd(), testFilePath);
  const failed = testResults.filter(({ status }) => status === 'failed');
  const broken = testExecError ? [`${file}\n${beginningOf(failureMessage)}`] : [];
  return [...broken, ...failed.map((test) => `${file}: ${test.fullName}\n${beginningOf(test.failureMessages[0])}`)];
}

const beginningOf = (message) =>
  stripVTControlCharacters(message ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 12)
    .map((line) => `    ${line.slice(0, 200)}`)
    .join('\n');
