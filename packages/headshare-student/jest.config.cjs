module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'headshare-student',
  // The build has the same package name.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};
