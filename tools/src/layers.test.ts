import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

const repository = resolve(__dirname, '../..');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-layers-')));
afterAll(() => rmSync(root, { recursive: true }));

const files = {
  'packages/core/src/train/main.ts': `import './step';\n`,
  'packages/core/src/train/step.ts': `import '../nn/network';\nexport type Step = number;\n`,
  'packages/core/src/nn/network.ts': `import type { Step } from '../train/step';\nexport const steps: Step[] = [];\n`,
  'packages/core/src/nn/cases.ts': `export const cases = [describe];\n`,
  'packages/core/src/nn/network.test.ts': `import './cases';\n`,
  'packages/core/src/train/long.ts': 'console.log();\n'.repeat(301),
  'packages/core/src/runtime/long.test.ts': 'console.log();\n'.repeat(301),
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
for (const name of ['.dependency-cruiser.cjs', 'tsconfig.base.json', 'biome.json', '.gitignore']) {
  cpSync(join(repository, name), join(root, name));
}

function run(command: string, ...words: string[]): string {
  const { stdout, stderr } = spawnSync(join(repository, 'node_modules/.bin', command), words, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return stdout + stderr;
}

test('dependency-cruiser finds imports against the layers and test helpers in src/', () => {
  const { violations } = JSON.parse(run('depcruise', '-T', 'json', 'packages')).summary as {
    violations: { rule: { name: string }; from: string; to: string }[];
  };
  expect(violations.map(({ rule, from, to }) => `${from} -> ${to}: ${rule.name}`).sort()).toEqual([
    'packages/core/src/nn/cases.ts -> packages/core/src/nn/cases.ts: src holds no test helper and no unused file',
    'packages/core/src/nn/network.ts -> packages/core/src/train/step.ts: core/nn imports only system, runtime',
    'packages/core/src/train/long.ts -> packages/core/src/train/long.ts: src holds no test helper and no unused file',
  ]);
});

test('Biome finds import circles through types, files of more than 300 lines and jest outside tests', () => {
  const found = run('biome', 'lint', '--reporter=github', 'packages').matchAll(/title=lint\/(\w+\/\w+),file=([^,]+)/g);
  const rules = [...found].map(([, rule, file]) => `${relative(root, file ?? '')}: ${rule}`).sort();
  expect(rules).toEqual([
    'packages/core/src/nn/cases.ts: style/noRestrictedGlobals',
    'packages/core/src/nn/network.ts: suspicious/noImportCycles',
    'packages/core/src/train/long.ts: style/noExcessiveLinesPerFile',
    'packages/core/src/train/step.ts: suspicious/noImportCycles',
  ]);
});
