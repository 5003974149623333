module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'mlflow-js-client',
  // The build has the same package name.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // One MLflow server for all tests: starting it takes ten seconds.
  globalSetup: './test/start-server.ts',
  globalTeardown: './test/stop-server.ts',
};
