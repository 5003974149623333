// The plugin's entry in nx.json. Plain JavaScript: Nx would load TypeScript through a cache in TMPDIR, which may be unusable.
'use strict';
require('../../../packages/core/register.cjs');

module.exports = require('./plugin.ts');
