// The layers of the code, checked by `npx nx run tools:layers` (part of `npm test`). Imports of types count.
// Biome checks the rest: import circles, files of more than 300 lines, jest's globals outside tests (biome.json).
'use strict';

/** The folders of packages/core/src, from the bottom to the top, each with the folders that it may import. */
const core = {
  system: [],
  report: [],
  cluster: ['system'],
  runtime: ['system'],
  nn: ['system', 'runtime'],
  weights: ['system', 'runtime', 'nn', 'headshare-student'],
  distill: ['system', 'runtime', 'nn'],
  data: ['system', 'runtime', 'weights', 'headshare-student'],
  tracking: ['system', 'mlflow-js-client'],
  delivery: ['system', 'runtime', 'nn', 'weights', 'data', 'headshare-student'],
  train: [
    'system',
    'report',
    'cluster',
    'runtime',
    'nn',
    'weights',
    'distill',
    'data',
    'delivery',
    'headshare-student',
  ],
  experiment: ['system', 'report', 'runtime', 'cluster', 'tracking', 'mlflow-js-client'],
  'data-check': ['system', 'report', 'data', 'experiment'],
  recipes: [
    'system',
    'report',
    'cluster',
    'runtime',
    'nn',
    'weights',
    'distill',
    'data',
    'delivery',
    'tracking',
    'train',
    'experiment',
    'headshare-student',
  ],
  // Commands.
  export: [
    'system',
    'report',
    'runtime',
    'nn',
    'weights',
    'data',
    'delivery',
    'headshare-student',
    'tracking',
    'train',
    'experiment',
    'recipes',
  ],
  methods: ['system', 'report', 'distill', 'experiment'],
  models: ['system', 'report', 'nn', 'experiment'],
};

/** The packages, each with the packages that it may import. */
const packages = {
  'packages/mlflow-js-client': [],
  'packages/headshare-student': [],
  'packages/core': ['packages/mlflow-js-client', 'packages/headshare-student'],
  'packages/imagenet': ['packages/core'],
  'packages/cub200': ['packages/core'],
  'packages/face': ['packages/core', 'packages/headshare-student'],
  'packages/demo': ['packages/core', 'packages/headshare-student'],
  tools: ['packages/mlflow-js-client', 'packages/core', 'packages/imagenet', 'packages/cub200', 'packages/face'],
};

/** Packages for npm, which know nothing of the others. */
const npmPackages = ['mlflow-js-client', 'headshare-student'];

/** Files that no other file imports: Node, Nx, a worker pool or a registry loads them by their names. */
const entryPoints = [
  '/experiments/[^/]+\\.ts$',
  '/src/.+/(main|child)\\.ts$',
  '^packages/demo/src/(main|page/page)\\.ts$',
  '^packages/[^/]+/src/data-main\\.ts$',
  '^packages/core/src/(data/.+-(worker|job)|experiment/describe)\\.ts$',
  '^packages/imagenet/src/datasets/',
  '^packages/core/src/(nn/(backbones|heads)|distill/methods|delivery/formats)/',
  '^packages/(mlflow-js-client|headshare-student)/src/index\\.ts$',
  '^tools/src/(docs|generate|mlflow)/[^/]+\\.ts$',
  '^tools/src/plugin/plugin\\.(ts|cjs)$',
  '^packages/core/(register|src/(weights/onnx/run-model-worker|cluster/link-thread))\\.cjs$',
  '^tools/src/tensorflow/check-child\\.ts$',
];

const tests = '(\\.test\\.ts$|^(packages/[^/]+|tools)/test/)';
const anyPackage = '^(packages|tools)/';

const coreFolder = (name) => (npmPackages.includes(name) ? `^packages/${name}/` : `^packages/core/src/${name}/`);
const names = (list) => list.join(', ') || 'its own files';

const layers = Object.entries(core).map(([name, allowed]) => ({
  name: `core/${name} imports only ${names(allowed)}`,
  severity: 'error',
  from: { path: coreFolder(name), pathNot: tests },
  to: { path: anyPackage, pathNot: [name, ...allowed].map(coreFolder) },
}));

const walls = Object.entries(packages).map(([folder, allowed]) => ({
  name: `${folder} imports only ${names(allowed)}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: anyPackage, pathNot: [folder, ...allowed].map((one) => `^${one}/`) },
}));

module.exports = {
  forbidden: [
    ...walls,
    ...layers,
    {
      name: 'every folder of core/src has its layer in .dependency-cruiser.cjs',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: Object.keys(core).map(coreFolder) },
      to: {},
    },
    {
      name: 'core/runtime alone imports TensorFlow',
      severity: 'error',
      from: {
        path: anyPackage,
        pathNot: ['^packages/core/src/runtime/', tests, '^tools/src/tensorflow/check-child\\.ts$'],
      },
      to: { path: 'node_modules/@tensorflow/' },
    },
    {
      name: 'only tests import test helpers',
      severity: 'error',
      from: { path: anyPackage, pathNot: tests },
      to: { path: '^(packages/[^/]+|tools)/test/' },
    },
    {
      name: 'src holds no test helper and no unused file',
      comment:
        'Only tests import this file, or nothing does: move it to test/, remove it, or name it as an entry point.',
      severity: 'error',
      from: { path: entryPoints, pathNot: tests },
      to: {
        path: '^(packages/[^/]+|tools)/(src|experiments)/',
        pathNot: [...entryPoints, tests, '\\.d\\.cts$'],
        reachable: false,
      },
    },
    {
      name: 'every import leads to a file',
      severity: 'error',
      from: { path: anyPackage },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|fixtures)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    moduleSystems: ['es6', 'cjs'],
  },
};
