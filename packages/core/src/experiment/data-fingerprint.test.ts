import { mkdirSync, mkdtempSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataFingerprint, dataFolder } from './data-fingerprint.cjs';

describe("the data's fingerprint", () => {
  const at = new Date('2024-01-01');
  const workspace = (): string => {
    const root = mkdtempSync(join(tmpdir(), 'headshare-data-'));
    mkdirSync(join(root, 'data/face/train'), { recursive: true });
    for (const name of ['train/a.jpg', 'train/b.jpg', 'pairs.txt']) {
      writeFileSync(join(root, 'data/face', name), name);
      utimesSync(join(root, 'data/face', name), at, at);
    }
    return root;
  };

  it('is the same for the same names, sizes and times', () => {
    expect(dataFingerprint(workspace(), 'face')).toBe(dataFingerprint(workspace(), 'face'));
    expect(dataFingerprint(workspace(), 'face')).toMatch(/^3-files-[0-9a-f]{24}$/);
  });

  it("is 'embedded' if there is no folder", () => {
    expect(dataFingerprint(workspace(), 'cub200')).toBe('embedded');
  });

  it.each([
    ['a new file', (folder: string) => writeFileSync(join(folder, 'c.jpg'), '')],
    ['a changed one', (folder: string) => writeFileSync(join(folder, 'pairs.txt'), 'other')],
    ['a touched one', (folder: string) => utimesSync(join(folder, 'pairs.txt'), at, new Date())],
    ['a renamed one', (folder: string) => renameSync(join(folder, 'pairs.txt'), join(folder, 'pairs.csv'))],
  ])('changes with %s', (_, change) => {
    const root = workspace();
    const before = dataFingerprint(root, 'face');
    change(join(root, 'data/face'));
    expect(dataFingerprint(root, 'face')).not.toBe(before);
  });

  it('ignores the lists of files that loaders write beside the data', () => {
    const root = workspace();
    const before = dataFingerprint(root, 'face');
    mkdirSync(join(root, 'data/face/.headshare'));
    writeFileSync(join(root, 'data/face/.headshare/train.list'), '');
    expect(dataFingerprint(root, 'face')).toBe(before);
  });

  it('follows links', () => {
    const root = workspace();
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere/x.jpg'), 'x');
    const before = dataFingerprint(root, 'face');
    symlinkSync(join(root, 'elsewhere'), join(root, 'data/face/more'));
    expect(dataFingerprint(root, 'face')).toMatch(/^4-files/);
    expect(dataFingerprint(root, 'face')).not.toBe(before);
  });

  it('uses HEADSHARE_DATA', () => {
    const before = process.env.HEADSHARE_DATA;
    process.env.HEADSHARE_DATA = '/mnt/datasets';
    try {
      expect(dataFolder('/w', 'face')).toBe('/mnt/datasets/face');
    } finally {
      if (before === undefined) delete process.env.HEADSHARE_DATA;
      else process.env.HEADSHARE_DATA = before;
    }
  });
});
