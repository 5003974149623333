// A jest reporter, added by jest.preset.cjs when TEST_TOTALS names a folder: leaves a project's totals there.
'use strict';
const { mkdirSync, writeFileSync } = require('node:fs');
const { basename, join } = require('node:path');

module.exports = class TotalsReporter {
  constructor({ rootDir }, { folder }) {
    this.folder = folder;
    this.file = join(folder, `${basename(rootDir)}.json`);
  }

  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    mkdirSync(this.folder, { recursive: true });
    const totals = { passed: numPassedTests, failed: numFailedTests, brokenSuites: numRuntimeErrorTestSuites };
    writeFileSync(this.file, JSON.stringify(totals));
  }
};
