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
};
