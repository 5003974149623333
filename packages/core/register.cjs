// The preload of every command: `node -r ./packages/core/register.cjs FILE.ts`. Prepares the process for a full disk or a
// closed pipe behind its output and for an unusable TMPDIR, then lets Node load TypeScript.
// Plain JavaScript, because it runs before Node can load TypeScript.
'use strict';
const { writeSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');
const { guardOutput } = require('./src/system/output.cjs');
const { prepareTemporaryFolder } = require('./src/system/temporary-folder.cjs');
const { loadTypeScript } = require('./src/system/typescript.cjs');

if (isMainThread) {
  guardOutput();
  const problem = prepareTemporaryFolder(process.env);
  if (problem !== undefined) {
    try {
      writeSync(2, `${problem}\n`);
    } catch {
      // The exit code has to say it.
    }
    process.exit(1);
  }
}
loadTypeScript();
