import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { decodePicture } from './decode';
import { loadNativeImages } from './native';

const folder = join(__dirname, '../../../fixtures/images');
const names = readdirSync(folder).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
const native = loadNativeImages();

test.each(names)('%s: the addon and sharp give the same picture, with and without EXIF orientation', async (name) => {
  const bytes = readFileSync(join(folder, name));
  for (const applyOrientation of [false, true]) {
    const decoded = await Promise.allSettled([
      decodePicture(bytes, { applyOrientation, native }),
      decodePicture(bytes, { applyOrientation }),
    ]);
    const [ours, sharps] = decoded.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
    expect(ours === undefined).toBe(sharps === undefined);
    expect([ours?.width, ours?.height]).toEqual([sharps?.width, sharps?.height]);
    expect(Buffer.compare(ours?.pixels ?? Buffer.of(), sharps?.pixels ?? Buffer.of())).toBe(0);
  }
});

test('EXIF orientation is applied on request', async () => {
  const picture = sharp({ create: { width: 20, height: 10, channels: 3, background: 'red' } });
  const bytes = await picture.withMetadata({ orientation: 6 }).jpeg().toBuffer();
  for (const decoder of [native, undefined]) {
    expect(await decodePicture(bytes, { applyOrientation: true, native: decoder })).toMatchObject({ width: 10 });
    expect(await decodePicture(bytes, { applyOrientation: false, native: decoder })).toMatchObject({ width: 20 });
  }
});
