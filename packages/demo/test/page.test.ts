import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGallery, searchGallery, similarity } from 'headshare-student';
import { cardKey } from 'headshare-student/card';
import { onnxMetadata } from 'headshare-student/onnx-metadata';
import { parseCard } from 'headshare-student/parse-card';
import { launchChromium } from 'headshare-student/test/chromium';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { buildFolder } from '../src/build-folder';
import type { Contents } from '../src/page/contents';
import { serveFolder } from '../src/serve';
import { root, smokeRun } from './smoke-runs';

const folder = mkdtempSync(join(tmpdir(), 'headshare-page-'));
const folders = { face: join(folder, 'face'), imagenet: join(folder, 'imagenet') };
const servers: Server[] = [];
let browser: Browser;

beforeAll(async () => {
  const build = async (name: 'face' | 'imagenet') => {
    const { source, close } = await smokeRun(name);
    mkdirSync(folders[name]);
    await buildFolder({ source, folder: folders[name], gallery: undefined, root });
    close();
  };
  browser = await launchChromium({ gpu: true });
  await Promise.all([build('face'), build('imagenet')]);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a built folder as its users do. */
async function open(built: string): Promise<Page> {
  const { address, server } = await serveFolder(built, 0);
  servers.push(server);
  const page = await browser.newPage({ viewport: { width: 1000, height: 1200 } });
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(address);
  await page.waitForFunction('document.body.dataset.ready', null, { timeout: 60_000 });
  return page;
}

/** Chooses a file in a zone, and waits until the zone shows it. */
async function choose(page: Page, zone: string, path: string): Promise<void> {
  const part = page.locator(`[data-zone=${zone}]`);
  await part.locator('input').setInputFiles(path);
  await part.locator('p[role=status]', { hasText: path.split('/').at(-1) as string }).waitFor();
}

const contentsOf = (built: string): Contents => JSON.parse(readFileSync(join(built, 'contents.json'), 'utf8'));

/** What the student says of pictures in Node: embeddings of faces, the names of five classes. */
function answersInNode<T>(built: string, files: readonly string[]): T[] {
  const script = join(__dirname, 'answers-child.ts');
  const register = join(root, 'packages/core/register.cjs');
  const words = ['-r', register, script, join(built, 'student.onnx'), ...files];
  return JSON.parse(execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8' }));
}

describe('faces', () => {
  let page: Page;
  let examples: readonly string[];
  let embeddings: readonly number[][];
  beforeAll(async () => {
    examples = contentsOf(folders.face).examples.map(({ file }) => join(folders.face, file));
    embeddings = answersInNode(folders.face, examples);
    page = await open(folders.face);
  });

  test('two pictures are as similar as in Node, and the answer names a threshold', async () => {
    const [one = '', other = ''] = examples;
    await choose(page, 'left', one);
    await choose(page, 'right', other);
    await page.locator('#verdict[data-similarity]').waitFor();
    const shown = Number(await page.getAttribute('#verdict', 'data-similarity'));
    expect(shown).toBeCloseTo(similarity(embeddings[0] ?? [], embeddings[1] ?? []), 5);
  });

  test('a search finds the same people as in Node, for every picture to try', async () => {
    const { gallery } = contentsOf(folders.face);
    if (!gallery) throw new Error('no gallery');
    const rows = new Float32Array(new Uint8Array(readFileSync(join(folders.face, gallery.file))).buffer);
    const people = createGallery(
      gallery.names,
      gallery.names.map((_, i) => rows.subarray(i * gallery.dimension, (i + 1) * gallery.dimension)),
    );
    for (const [i, file] of examples.entries()) {
      await choose(page, 'probe', file);
      const [best] = searchGallery(people, embeddings[i] ?? []);
      expect(await page.getAttribute('#found', 'data-index')).toBe(String(best?.index));
    }
  });

  test('WebGPU is used once it agrees with wasm', async () => {
    await page.selectOption('#engine', 'webgpu');
    await page.waitForFunction("!document.getElementById('engine').disabled", null, { timeout: 120_000 });
    expect(await page.textContent('#speed')).toMatch(/^WebGPU agrees with wasm/);
    await page.selectOption('#engine', 'wasm');
  }, 150_000);

  test.each([
    ['text.jpg', Buffer.from('no picture'), 'text.jpg is not a picture that this browser can read.'],
    ['small.png', undefined, 'This picture has 8 x 8 pixels, fewer than the 32 x 32 of the network.'],
  ])('%s: refused in words', async (name, bytes, message) => {
    const file = join(folder, name);
    const red = sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } });
    writeFileSync(file, bytes ?? (await red.png().toBuffer()));
    await page.locator('[data-zone=left] input').setInputFiles(file);
    // The zone shows the problem of the file before until it has read this one.
    const problem = page.locator('[data-zone=left] .problem', { hasText: message });
    await problem.waitFor();
    expect(await problem.textContent()).toBe(message);
    expect(await page.textContent('#verdict')).toBe('Choose the other picture.');
  });

  test('five points, given by keys alone, align a face', async () => {
    const built = join(folder, 'aligned');
    cpSync(folders.face, built, { recursive: true });
    // A later entry of the metadata counts.
    const file = join(built, 'student.onnx');
    const exported = parseCard(onnxMetadata(readFileSync(file)).get(cardKey) ?? '');
    const card = { ...exported, input: { ...exported.input, preparation: { kind: 'aligned-face' } } };
    appendFileSync(file, metadata(cardKey, JSON.stringify(card)));
    const bytes = readFileSync(file);
    const modelHash = createHash('sha256').update(bytes).digest('hex');
    const contents: Contents = { ...contentsOf(folders.face), modelBytes: bytes.length, modelHash };
    writeFileSync(join(built, 'contents.json'), JSON.stringify(contents));
    const aligned = await open(built);
    const photo = join(folder, 'photo.png');
    await sharp({ create: { width: 80, height: 60, channels: 3, background: 'teal' } })
      .png()
      .toFile(photo);
    await aligned.locator('[data-zone=left] input').setInputFiles(photo);
    await aligned.locator('#align[open]').waitFor();
    const move = async (key: string, times: number) => {
      for (let i = 0; i < times; i++) await aligned.keyboard.press(key);
    };
    // From the centre: left eye, right eye, nose, both corners of the mouth, in steps of 2 pixels.
    await move('ArrowUp', 4);
    await move('ArrowLeft', 5);
    await aligned.keyboard.press('Enter');
    await move('ArrowRight', 10);
    await aligned.keyboard.press('Enter');
    await move('ArrowLeft', 5);
    await move('ArrowDown', 4);
    await aligned.keyboard.press('Enter');
    await move('ArrowDown', 4);
    await move('ArrowLeft', 4);
    await aligned.keyboard.press('Enter');
    await move('ArrowRight', 8);
    await aligned.keyboard.press('Enter');
    await aligned.locator('[data-zone=left] p[role=status]', { hasText: 'photo.png' }).waitFor();
    expect(await aligned.textContent('#verdict')).toBe('Choose the other picture.');
    expect(await aligned.locator('#align').evaluate((dialog) => (dialog as HTMLDialogElement).open)).toBe(false);
  });

  test('a student that is cut short is named', async () => {
    const built = join(folder, 'cut');
    cpSync(folders.face, built, { recursive: true });
    truncateSync(join(built, 'student.onnx'), 1000);
    const cut = await open(built);
    expect(await cut.textContent('#about')).toMatch(
      /^The page cannot start: student\.onnx is cut short: 1000 of \d+ bytes arrived\.$/,
    );
  });

  test('a student of the right length with other bytes is named', async () => {
    const built = join(folder, 'damaged');
    cpSync(folders.face, built, { recursive: true });
    const file = join(built, 'student.onnx');
    const bytes = readFileSync(file);
    bytes.fill(0x55, 100_000, 100_400);
    writeFileSync(file, bytes);
    const damaged = await open(built);
    expect(await damaged.textContent('#about')).toBe(
      'The page cannot start: student.onnx is damaged: it is not the file that the page was built with.',
    );
  });
});

test('classification: the same five classes as in Node', async () => {
  const files = contentsOf(folders.imagenet).examples.map(({ file }) => join(folders.imagenet, file));
  const answers = answersInNode<string[]>(folders.imagenet, files);
  const page = await open(folders.imagenet);
  for (const [i, file] of files.entries()) {
    await choose(page, 'picture', file);
    expect(await page.locator('#top li span:first-child').allTextContents()).toEqual(answers[i]);
  }
});

/** An entry of an ONNX file's metadata (ModelProto.metadata_props). */
function metadata(key: string, value: string): Buffer {
  const field = (number: number, bytes: Buffer) => {
    const length = [];
    for (let rest = bytes.length; ; rest >>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
  };
  return field(14, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))]));
}
