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

describe('JPEGs that libjpeg reads with a warning are read like Pillow, which ignores warnings', () => {
  const original = readFileSync(join(folder, 'colour.jpg'));
  const at = (marker: number) => original.indexOf(Buffer.from([0xff, marker]));
  const insert = (position: number, bytes: Uint8Array) =>
    Buffer.concat([original.subarray(0, position), bytes, original.subarray(position)]);
  const scan = at(0xda) + 2 + original.readUInt16BE(at(0xda) + 2);
  const withoutScanParameters = Buffer.from(original).fill(0, scan - 3, scan);
  test.each([
    ['bytes before a marker', insert(at(0xdb), new Uint8Array(20))],
    ['0xff before a marker', insert(at(0xdb), new Uint8Array(3).fill(0xff))],
    ['bytes before the frame', insert(at(0xc0), Buffer.from('nothing'))],
    ['parameters of the scan are 0', withoutScanParameters],
    ['bytes after the end', Buffer.concat([original, new Uint8Array(50)])],
  ])('%s', async (_, bytes) => {
    const whole = await decodePicture(original, { applyOrientation: false });
    for (const decoder of [native, undefined]) {
      const picture = await decodePicture(bytes, { applyOrientation: false, native: decoder });
      expect(Buffer.compare(picture.pixels, whole.pixels)).toBe(0);
    }
  });

  test('damaged data of a scan is read as far as it can be; a picture that is cut short is refused', async () => {
    const damaged = Buffer.from(original);
    damaged[scan + 500] = (damaged[scan + 500] as number) ^ 0xff;
    const pictures = [native, undefined].map((decoder) =>
      decodePicture(damaged, { applyOrientation: false, native: decoder }),
    );
    const [one, other] = await Promise.all(pictures);
    expect(Buffer.compare(one?.pixels ?? Buffer.of(), other?.pixels ?? Buffer.of())).toBe(0);
    for (const end of [-2, -200]) {
      for (const decoder of [native, undefined]) {
        const cut = decodePicture(original.subarray(0, end), { applyOrientation: false, native: decoder });
        await expect(cut).rejects.toThrow();
      }
    }
  });
});
