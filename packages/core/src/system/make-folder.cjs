// Plain JavaScript, because it runs before Node can load TypeScript.
'use strict';
const { existsSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

/** See make-folder.d.cts. */
function makeFolder(folder) {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

module.exports = { makeFolder };
