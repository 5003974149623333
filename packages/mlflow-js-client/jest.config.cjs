module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'mlflow-js-client',
  // What `nx build` makes has the same package name.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // One MLflow server for all files: each needs ten seconds to start.
  globalSetup: './test/start-server.ts',
  globalTeardown: './test/stop-server.ts',
};
