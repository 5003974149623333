import { decodePicture } from '@headshare/core/data/pipeline/decode';
import { loadNativeImages } from '@headshare/core/data/pipeline/native';
import { build } from 'esbuild';
import { launchChromium } from 'headshare-student/test/chromium';
import { type StaticServer, serve } from 'headshare-student/test/static-server';
import type { Browser, Page } from 'playwright-core';
import sharp, { type Sharp } from 'sharp';

let browser: Browser;
let page: Page;
let server: StaticServer;
const files = new Map<string, Uint8Array>();

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: "import { readPicture } from 'headshare-student'; globalThis.readPicture = readPicture;",
      resolveDir: __dirname,
    },
    bundle: true,
    format: 'esm',
    write: false,
    external: ['onnxruntime-web', 'node:*'],
  });
  const script = outputFiles[0]?.text;
  const html = '<!doctype html><script type="module" src="script.js"></script>';
  server = await serve((path) => ({ '/': html, '/script.js': script })[path] ?? files.get(path));
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(server.address);
  await page.waitForFunction("typeof readPicture === 'function'");
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

interface Read {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  readonly caution: string | undefined;
}

/** The picture as the browser reads it. */
async function inBrowser(bytes: Uint8Array, orientation: 'upright' | 'stored'): Promise<Read> {
  files.set('/picture', bytes);
  const { pixels, ...rest } = (await page.evaluate(`(async () => {
    const { picture, caution } = await readPicture(await (await fetch('picture')).blob(), { orientation: '${orientation}' });
    return { width: picture.width, height: picture.height, caution, pixels: [...picture.pixels] };
  })()`)) as Omit<Read, 'pixels'> & { pixels: number[] };
  return { ...rest, pixels: Uint8Array.from(pixels) };
}

const noise = (channels: 1 | 3 | 4): Sharp => {
  let seed = 7;
  const [width, height] = [37, 23];
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    seed = (seed * 48271) % 2147483647;
    // Smooth enough for a JPEG to keep, with every alpha there is.
    return channels === 4 && i % 4 === 3 ? seed & 255 : ((i % (width * channels)) * 2 + (seed & 31)) & 255;
  });
  return sharp(data, { raw: { width, height, channels } });
};

const pictures: readonly (readonly [string, () => Promise<Uint8Array>])[] = [
  ['JPEG', () => noise(3).jpeg({ quality: 92 }).toBuffer()],
  ['JPEG without subsampled colours', () => noise(3).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()],
  ['progressive JPEG', () => noise(3).jpeg({ progressive: true }).toBuffer()],
  ['grey JPEG', () => noise(1).toColourspace('b-w').jpeg().toBuffer()],
  ['PNG', () => noise(3).png().toBuffer()],
  ['grey PNG', () => noise(1).toColourspace('b-w').png().toBuffer()],
  ['PNG with a palette', () => noise(3).png({ palette: true }).toBuffer()],
  ['PNG with alpha', () => noise(4).png().toBuffer()],
  ['WebP', () => noise(3).webp().toBuffer()],
  ['lossless WebP with alpha', () => noise(4).webp({ lossless: true, exact: true }).toBuffer()],
  ['JPEG with a colour profile', () => noise(3).withIccProfile('p3').jpeg().toBuffer()],
  ...[2, 3, 6, 8].map(
    (orientation) =>
      [
        `JPEG turned by EXIF orientation ${orientation}`,
        () => noise(3).withMetadata({ orientation }).jpeg().toBuffer(),
      ] as const,
  ),
];

describe.each(pictures)('%s', (_, make) => {
  test.each(['upright', 'stored'] as const)('%s: the bytes that training reads', async (orientation) => {
    const bytes = await make();
    const native = loadNativeImages();
    const expected = await decodePicture(bytes, { applyOrientation: orientation === 'upright', native });
    const { pixels, ...rest } = await inBrowser(bytes, orientation);
    expect(rest).toEqual({ width: expected.width, height: expected.height, caution: undefined });
    const differing = pixels.filter((byte, i) => byte !== expected.pixels[i]).length;
    expect(differing).toBe(0);
  });
});

test('a CMYK JPEG, whose colours browsers convert in another way, comes with a caution', async () => {
  const bytes = await noise(3).toColourspace('cmyk').jpeg().toBuffer();
  expect((await inBrowser(bytes, 'stored')).caution).toMatch(/^a CMYK JPEG/);
});
