module.exports = { ...require('../../jest.preset.cjs'), displayName: 'cub200' };
