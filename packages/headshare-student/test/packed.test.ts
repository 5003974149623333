import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

jest.setTimeout(120_000);

/** The published package, installed into an empty folder without a network and used by plain Node, on exported networks. */
const root = resolve(__dirname, '../../..');
let folder: string;
let app: string;
/** What the networks say of two pictures, by themselves. */
let answers: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'student-packed-'));
  app = join(folder, 'app');
  mkdirSync(app);
  run(process.execPath, [resolve(__dirname, '../build.mjs'), join(folder, 'dist')], folder);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], join(folder, 'dist')));
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true}');
  const quiet = ['--offline', '--no-audit', '--no-fund', '--legacy-peer-deps'];
  run('npm', ['install', ...quiet, join(folder, packed.filename)], app);
  // The packages that the application installs beside it are the workspace's.
  for (const name of ['onnxruntime-web', 'onnxruntime-common', 'sharp']) {
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
  run(process.execPath, ['-r', './packages/core/register.cjs', 'packages/core/test/write-students.ts', app], root);
  ({ answers } = JSON.parse(readFileSync(join(app, 'answers.json'), 'utf8')));
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names =
  'alignFace, createGallery, loadStudent, prepare, readPicture, searchGallery, similarity, thresholdFor, toPicture, unit';
const prelude = `
const fs = require('node:fs');
const [width, height] = [32, 24];
const { pictures: all } = JSON.parse(fs.readFileSync('answers.json', 'utf8'));
const size = width * height * 3;
const pictures = [0, 1].map((i) => ({ data: Uint8Array.from(all.slice(i * size, (i + 1) * size)), width, height }));
const refused = async (call) => { try { await call(); return 'not refused'; } catch (error) { return error.message; } };`;

/** What an async function's body returns in plain Node. */
function inNode<T>(body: string): T {
  const program = `const { ${names} } = require('headshare-student');${prelude}
(async () => {${body}})().then((result) => console.log(JSON.stringify(result)));`;
  writeFileSync(join(app, 'use.cjs'), program);
  return JSON.parse(run(process.execPath, ['use.cjs'], app)) as T;
}

const halves = (values: readonly number[] = []) => [
  values.slice(0, values.length / 2),
  values.slice(values.length / 2),
];

function expectNear(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  const scale = Math.max(...expected.flat().map(Math.abs));
  const off = found.flat().map((value, i) => Math.abs(value - (expected.flat()[i] as number)) / scale);
  expect(Math.max(...off)).toBeLessThan(1e-5);
}

const unitLength = (values: readonly number[]) => values.map((value) => value / Math.hypot(...values));

test('contains only JavaScript, types, README and licence', () => {
  const installed = join(app, 'node_modules/headshare-student');
  expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'lib', 'package.json']);
  const files = readdirSync(join(installed, 'lib'), { recursive: true, withFileTypes: true });
  const odd = files.filter((entry) => entry.isFile() && !/(?<!\.test)(\.cjs|\.mjs|\.d\.ts)$/.test(entry.name));
  expect(odd.map(({ name }) => name)).toEqual([]);
  const packageJson = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const { private: hidden, dependencies, peerDependencies, license, engines } = packageJson;
  expect({ hidden, dependencies, peerDependencies, license, engines }).toEqual({
    peerDependencies: { 'onnxruntime-web': '^1.30.0' },
    license: 'MIT',
    engines: { node: '>=20.19' },
  });
});

test('is imported', () => {
  const program = `import { loadStudent } from 'headshare-student';
const { card } = await loadStudent('face.onnx');
console.log(card.network.backbone);`;
  writeFileSync(join(app, 'use.mjs'), program);
  expect(run(process.execPath, ['use.mjs'], app)).toBe('resnet8\n');
});

test('is required, and gives the embeddings of the network itself', () => {
  const { plain, mirrored, inside, card } = inNode<
    Record<'plain' | 'mirrored' | 'inside', number[][]> & { card: object }
  >(`
const student = await loadStudent('face.onnx');
const other = await loadStudent(fs.readFileSync('mirrored.onnx'));
const rows = async (one, options) => (await one.embed(pictures, options)).map((row) => [...row]);
return { plain: await rows(student, { mirror: false }), mirrored: await rows(student), inside: await rows(other), card: student.card };`);
  expect(card).toMatchObject({ task: 'face', input: { height: 24, width: 32 }, thresholds: { data: 'noise' } });
  expectNear(plain, halves(answers['face.onnx']?.embedding).map(unitLength));
  // Whether the file or the package adds the mirror image.
  expectNear(mirrored, halves(answers['mirrored.onnx']?.embedding));
  expectNear(inside, mirrored);
});

test("every output and every form of input gives the network's own numbers", () => {
  const files = ['classes.onnx', 'pixels.onnx', 'normalised.onnx'];
  const found = inNode<Record<string, Record<string, number[][]>>>(`
const found = {};
for (const file of ${JSON.stringify(files)}) {
  const student = await loadStudent(file);
  found[file] = {};
  for (const output of student.card.outputs) {
    found[file][output] = (await student.run(pictures.map(toPicture), output)).map((row) => [...row]);
  }
  await student.close();
}
return found;`);
  for (const file of files) {
    expect(Object.keys(found[file] ?? {}).sort()).toEqual(Object.keys(answers[file] ?? {}).sort());
    for (const [output, rows] of Object.entries(found[file] ?? {})) expectNear(rows, halves(answers[file]?.[output]));
  }
});

test('the most probable classes have names, whether from probabilities or logits', () => {
  const { named, numbered, large } = inNode<Record<string, { index: number; name: string; probability: number }[]>>(`
const [classes, pixels] = await Promise.all(['classes.onnx', 'pixels.onnx'].map((file) => loadStudent(file)));
const large = { data: new Uint8ClampedArray(96 * 60 * 4).fill(90), width: 96, height: 60 };
return {
  named: await classes.classify(large, 2),
  numbered: await pixels.classify(pictures[0]),
  large: await classes.classify(toPicture(large), 9),
};`);
  expect(named).toEqual(large?.slice(0, 2));
  expect(named?.every(({ index, name }) => ['ant', 'bee', 'cat', 'dog', 'eel'][index] === name)).toBe(true);
  expect(large?.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  const logits = halves(answers['pixels.onnx']?.logits)[0] ?? [];
  expect(numbered?.map(({ name }) => Number(name))).toEqual(
    [0, 1, 2, 3, 4].sort((a, b) => (logits[b] as number) - (logits[a] as number)),
  );
});

test('calls at the same time do not disturb each other', () => {
  const [alone, together] = inNode<number[][][]>(`
const student = await loadStudent('face.onnx');
const alone = [];
for (const picture of pictures) alone.push([...(await student.embed([picture]))[0]]);
const together = await Promise.all(pictures.map((picture) => student.embed([picture])));
return [alone, together.map(([row]) => [...row])];`);
  expect(together).toEqual(alone);
});

test('pictures and outputs that do not fit are refused in one sentence, and the student still works', () => {
  const messages = inNode<string[]>(`
const [face, classes] = await Promise.all(['face.onnx', 'classes.onnx'].map((file) => loadStudent(file)));
const small = { data: new Uint8Array(8 * 8 * 3), width: 8, height: 8 };
return [
  await refused(() => face.embed([small])),
  await refused(() => face.embed([])),
  await refused(() => face.run([toPicture(small)], 'embedding')),
  await refused(() => face.classify(pictures[0])),
  await refused(() => face.run(pictures.map(toPicture), 'probabilities')),
  await refused(() => classes.classify(small)),
  await refused(() => face.embed([{ data: new Uint8Array(5), width: 1, height: 1 }])),
  String((await face.embed(pictures)).length),
];`);
  expect(messages).toEqual([
    'This picture has 8 x 8 pixels, fewer than the 32 x 24 of the network',
    'There is no picture',
    'A picture of 8 x 8 pixels, for a network of 32 x 24',
    'The file gives embedding, and no probabilities: export it with --outputs=probabilities',
    'The file gives embedding, and no probabilities: export it with --outputs=probabilities',
    'This picture has 8 x 8 pixels, fewer than the 32 x 24 of the network',
    'A picture of 1 x 1 pixels has 3 bytes (RGB) or 4 (RGBA), not 5',
    '2',
  ]);
});

test('files that are cut short anywhere are refused in one sentence', () => {
  const messages = inNode<string[]>(`
const bytes = fs.readFileSync('face.onnx');
const ends = [0.1, 0.5, 0.9, 0.99].map((part) => Math.floor(part * bytes.length));
return Promise.all(ends.map((end) => refused(() => loadStudent(bytes.subarray(0, end)))));`);
  for (const message of messages)
    expect(message).toMatch(/^(This is no ONNX file, or it is cut short|This ONNX file has no card: .*)$/);
});

test('a face is found in a gallery, at a threshold for its size', () => {
  const found = inNode<{ best: { name: string }; decision: object }>(`
const student = await loadStudent('face.onnx');
const gallery = createGallery(['Ada', 'Bo'], await student.embed(pictures));
const [probe] = await student.embed([pictures[1]]);
return { best: searchGallery(gallery, probe)[0], decision: thresholdFor(student.card.thresholds.own, 0.05, 2) };`);
  expect(found).toMatchObject({ best: { name: 'Bo', similarity: expect.closeTo(1, 5) } });
  expect(found.decision).toMatchObject({ threshold: expect.closeTo(0.3), strangers: expect.closeTo(0.0199, 4) });
});

test('has types that check a strict program and all examples of the README', () => {
  const wrong = `import { loadStudent } from 'headshare-student';
const student = await loadStudent('face.onnx');
const [one, other] = await student.embed([{ data: new Uint8Array(3), width: 1, height: 1 }, { data: new Uint8Array(3), width: 1, height: 1 }]);
export const lengths: readonly number[] = [one.length, other.length];
// @ts-expect-error: it is read-only.
student.card = student.card;
// @ts-expect-error: an unknown output.
await student.run([], 'embeddings');`;
  writeFileSync(join(app, 'use.mts'), wrong);
  const readme = readFileSync(resolve(__dirname, '../README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, example = '']) => example);
  expect(examples.length).toBeGreaterThan(3);
  const files = ['use.mts'];
  for (const [index, example] of examples.entries()) {
    files.push(`example-${index}.mts`);
    writeFileSync(join(app, `example-${index}.mts`), example);
  }
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  expect(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], app)).toBe('');
}, 120_000);
