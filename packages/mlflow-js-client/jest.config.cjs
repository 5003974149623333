module.exports = { ...require('../../jest.preset.cjs'), displayName: 'mlflow-js-client' };
