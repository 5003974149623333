// Plain JavaScript, because it starts fast: Nx runs it before every answer from its cache.
'use strict';
const { createHash } = require('node:crypto');
const { opendirSync, statSync } = require('node:fs');
const { join, resolve } = require('node:path');

/** The folder of a package's data: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
function dataFolder(root, packageName) {
  return resolve(root, process.env.HEADSHARE_DATA || 'data', packageName);
}

function* filesBelow(folder, prefix = '') {
  const directory = opendirSync(folder);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      // Lists of files that loaders derive from the data.
      if (entry.name === '.headshare') continue;
      const path = join(folder, entry.name);
      // Follow links: large data often lies behind one.
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory()) yield* filesBelow(path, `${prefix}${entry.name}/`);
      else if (stat) yield { name: `${prefix}${entry.name}`, size: stat.size, mtimeMs: stat.mtimeMs };
    }
  } finally {
    directory.closeSync();
  }
}

/**
 * A fingerprint of a package's data: names, sizes and modification times of its files, not their contents, so that a
 * hundred thousand files take a second. `embedded` if the folder does not exist. The order of the walk does not matter.
 */
function dataFingerprint(root, packageName) {
  return folderFingerprint(dataFolder(root, packageName)) ?? 'embedded';
}

/** The fingerprint of any folder; undefined if it does not exist. */
function folderFingerprint(folder) {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const sum = Buffer.alloc(32);
  let count = 0;
  for (const { name, size, mtimeMs } of filesBelow(folder)) {
    const digest = createHash('sha256').update(`${name}\0${size}\0${mtimeMs}`).digest();
    for (let i = 0; i < sum.length; i++) sum[i] ^= digest[i];
    count++;
  }
  return `${count}-files-${sum.toString('hex', 0, 12)}`;
}

module.exports = { dataFingerprint, dataFolder, folderFingerprint };

if (require.main === module) {
  console.log(dataFingerprint(resolve(__dirname, '../../../..'), process.argv[2] ?? '.'));
}
