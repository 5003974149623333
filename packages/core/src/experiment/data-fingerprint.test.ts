import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

  const print = (root: string, verify?: boolean) => dataFingerprint(root, 'face', { verify });

  it('is the same for the same names and contents, wherever and whenever they were written', async () => {
    const fingerprint = await print(workspace());
    expect(fingerprint).toMatch(/^3-files-[0-9a-f]{24}$/);
    expect(await print(workspace())).toBe(fingerprint);
    const touched = workspace();
    utimesSync(join(touched, 'data/face/pairs.txt'), at, new Date());
    expect(await print(touched)).toBe(fingerprint);
    expect(await print(touched, true)).toBe(fingerprint);
  });

  it("is 'embedded' if there is no folder", async () => {
    expect(await dataFingerprint(workspace(), 'cub200')).toBe('embedded');
  });

  it.each([
    ['a new file', (folder: string) => writeFileSync(join(folder, 'c.jpg'), '')],
    ['a removed one', (folder: string) => rmSync(join(folder, 'pairs.txt'))],
    ['a changed one', (folder: string) => writeFileSync(join(folder, 'pairs.txt'), 'other')],
    ['a renamed one', (folder: string) => renameSync(join(folder, 'pairs.txt'), join(folder, 'pairs.csv'))],
    [
      'one of the same size and time',
      (folder: string) => {
        writeFileSync(join(folder, 'pairs.txt'), 'sriap.txt');
        utimesSync(join(folder, 'pairs.txt'), at, at);
      },
    ],
    [
      'one whose name is not UTF-8',
      (folder: string) =>
        writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('caf\xe9', 'latin1')]), ''),
    ],
  ])('changes with %s', async (_, change) => {
    const root = workspace();
    const before = await print(root);
    change(join(root, 'data/face'));
    expect(await print(root)).not.toBe(before);
  });

  it('knows the files of a large set by size, time and inode, or if asked by their contents', async () => {
    const root = workspace();
    const large = join(root, 'data/face/train.rec');
    writeFileSync(large, '');
    // A sparse file: it takes no room.
    truncateSync(large, 2 ** 28);
    utimesSync(large, at, at);
    const [byStat, byContent] = [await print(root), await print(root, true)];
    expect(await print(root)).toBe(byStat);
    writeFileSync(join(root, 'data/face/pairs.txt'), 'sriap.txt');
    utimesSync(join(root, 'data/face/pairs.txt'), at, at);
    expect(await print(root)).toBe(byStat);
    expect(await print(root, true)).not.toBe(byContent);
    utimesSync(large, at, new Date());
    expect(await print(root)).not.toBe(byStat);
    const replaced = await print(root);
    renameSync(join(root, 'data/face/pairs.txt'), join(root, 'old'));
    writeFileSync(join(root, 'data/face/pairs.txt'), 'sriap.txt');
    utimesSync(join(root, 'data/face/pairs.txt'), at, at);
    expect(await print(root)).not.toBe(replaced);
  });

  it('ignores the lists of files that loaders write beside the data', async () => {
    const root = workspace();
    const before = await print(root);
    mkdirSync(join(root, 'data/face/.headshare'));
    writeFileSync(join(root, 'data/face/.headshare/train.list'), '');
    expect(await print(root)).toBe(before);
  });

  it('follows links, but not in circles', async () => {
    const root = workspace();
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere/x.jpg'), 'x');
    const before = await print(root);
    symlinkSync(join(root, 'elsewhere'), join(root, 'data/face/more'));
    const after = await print(root);
    expect(after).toMatch(/^4-files/);
    expect(after).not.toBe(before);
    symlinkSync('..', join(root, 'data/face/train/up'));
    symlinkSync('self', join(root, 'data/face/self'));
    symlinkSync('nowhere', join(root, 'data/face/broken'));
    expect(await print(root)).toBe(after);
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
