const { join } = require('node:path');

// Set here because jest gives tests a copy of the environment, which TensorFlow's library does not see.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

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
