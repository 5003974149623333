const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

// Set here because jest gives tests a copy of the environment, which TensorFlow's library does not see.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
// So that this process computes with as many threads as those that tests start.
if (process.env.HEADSHARE_THREADS) process.env.TF_NUM_INTRAOP_THREADS = process.env.HEADSHARE_THREADS;

// Tests choose the rest themselves: what a shell, or cluster software, sets for runs must not reach them.
const ofRuns =
  /^(HEADSHARE_(THREADS|RUNS|DATA|PARENT\w*|WORKER\w*|CLUSTER_TOKEN)|MLFLOW_(?!PYTHON$|TEST_SERVER$)\w+|(SLURM|PET|TORCHELASTIC)_\w+|MASTER_(ADDR|PORT)|(LOCAL_)?WORLD_SIZE|RANK|TF_CONFIG)$/;
for (const name of Object.keys(process.env)) if (ofRuns.test(name)) delete process.env[name];

// Tests, and processes that they start, leave files in temporary folders. Those of one run of jest disappear with it.
const temporary = mkdtempSync(join(tmpdir(), 'headshare-tests-'));
process.env.TMPDIR = temporary;
process.once('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 }));

const totals = process.env.TEST_TOTALS;

/** The settings of every package's jest.config.cjs. */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{src,test,experiments}/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  testTimeout: 30_000,
  // For .ci/run, which adds up the tests of all projects.
  ...(totals && { reporters: ['default', [join(__dirname, '.ci/totals-reporter.cjs'), { folder: totals }]] }),
};
