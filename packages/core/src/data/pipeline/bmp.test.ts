import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodeBmp, isBmp, readBmpHeader } from './bmp';

// make-bmps.py in that folder wrote it with Pillow: each BMP in base64, and the SHA-256 of its pixels or null.
const file = join(__dirname, '../../../fixtures/images/bmps.json');
const bmps: Readonly<Record<string, readonly [string, string | null]>> = JSON.parse(readFileSync(file, 'utf8'));
// HEADSHARE_FUZZ=10000 runs as many cases.
const runs = Number(process.env.HEADSHARE_FUZZ ?? 500);

test.each(Object.entries(bmps))('%s: as Pillow', (_, [base64, sha]) => {
  const bytes = Buffer.from(base64, 'base64');
  const decode = () => createHash('sha256').update(decodeBmp(bytes).pixels).digest('hex');
  if (sha === null) expect(decode).toThrow(/^the BMP /);
  else expect(decode()).toBe(sha);
});

test('damage anywhere gives a picture of the size in the header, or an error about the BMP', () => {
  const originals = Object.values(bmps).map(([base64]) => Buffer.from(base64, 'base64'));
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...originals), damage, fc.nat(), fc.boolean(), (original, changes, end, isCut) => {
      const bytes = Uint8Array.from(isCut ? original.subarray(0, 2 + (end % original.length)) : original);
      for (const [at, value] of changes) bytes[2 + (at % Math.max(1, bytes.length - 2))] = value;
      try {
        const { width, height, pixels } = decodeBmp(bytes);
        expect(readBmpHeader(bytes)).toMatchObject({ width, height });
        expect(pixels.length).toBe(width * height * 3);
      } catch (error) {
        expect((error as Error).message).toMatch(/^the BMP /);
      }
    }),
    { numRuns: runs },
  );
});

test('a BMP is known by its first two bytes', () => {
  expect(isBmp(Buffer.from('BM...'))).toBe(true);
  expect(isBmp(Buffer.from('\x89PNG'))).toBe(false);
  expect(isBmp(new Uint8Array(0))).toBe(false);
});
