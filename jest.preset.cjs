const { join } = require('node:path');

// jest hands tests a copy of the environment, so TensorFlow's library would not see what a test sets.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

const totals = process.env.TEST_TOTALS;

/** What every package's jest.config.cjs spreads. */
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
