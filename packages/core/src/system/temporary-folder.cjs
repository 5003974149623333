// Plain JavaScript, because it runs before Node can load TypeScript.
'use strict';
const { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');

const reasons = {
  ENOTDIR: 'is not a folder',
  EROFS: 'is read-only',
  EACCES: 'cannot be written to by this user',
  EPERM: 'cannot be written to by this user',
  ENOSPC: 'is full',
  EDQUOT: 'is full (disk quota)',
};

/** See temporary-folder.d.cts. */
function prepareTemporaryFolder(environment) {
  const variable = ['TMPDIR', 'TMP', 'TEMP'].find((name) => environment[name]);
  const folder = resolve(variable === undefined ? tmpdir() : environment[variable]);
  // Other processes may work in other folders.
  if (variable !== undefined) environment[variable] = folder;
  const reason = reasonAgainst(folder);
  if (reason !== undefined) {
    const subject =
      variable === undefined ? `The folder for temporary files, ${folder},` : `${variable} is ${folder}, which`;
    return `${subject} ${reason}: set ${variable ?? 'TMPDIR'} to a folder where files can be written.`;
  }
  return undefined;
}

/** Why no file can be written in a folder; undefined if one can. */
function reasonAgainst(folder) {
  let probe;
  try {
    if (!existsSync(folder)) return 'does not exist';
    if (!statSync(folder).isDirectory()) return reasons.ENOTDIR;
    probe = mkdtempSync(join(folder, 'headshare-probe-'));
    writeFileSync(join(probe, 'probe'), Buffer.alloc(4096));
    return undefined;
  } catch ({ code }) {
    return reasons[code] ?? `takes no files (${code})`;
  } finally {
    try {
      if (probe !== undefined) rmSync(probe, { recursive: true, force: true });
    } catch {
      // It is empty, and the system cleans this folder.
    }
  }
}

module.exports = { prepareTemporaryFolder };
