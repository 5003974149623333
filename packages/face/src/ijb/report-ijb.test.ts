import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markdownTable } from '@headshare/core/report/table';
import { evaluateIjb, rowsOf } from '../../test/ijbc-tiny';
import { type IjbResult, ijbMetrics } from './protocol/ijb-result';
import { ijbTable, reportIjb } from './report-ijb';

let result: IjbResult;

/** 20 templates of one image each, on a circle; neighbours are the same person. */
beforeAll(async () => {
  const count = 20;
  const ids = Int32Array.from({ length: count }, (_, i) => i);
  const rows = Float32Array.from({ length: 2 * count }, (_, i) =>
    i % 2 === 0 ? Math.cos((Math.PI * (i >> 1)) / count) : Math.sin((Math.PI * (i >> 1)) / count),
  );
  const all = [...ids].flatMap((a) => [...ids].filter((b) => b > a).map((b) => [a, b] as const));
  result = await evaluateIjb({
    images: { templates: ids, medias: ids, scores: new Float32Array(count).fill(1) },
    pairs: {
      first: Int32Array.from(all, ([a]) => a),
      second: Int32Array.from(all, ([, b]) => b),
      same: Uint8Array.from(all, ([a, b]) => (b - a === 1 ? 1 : 0)),
    },
    embeddings: rowsOf(rows, 2),
  });
});

describe('ijbMetrics', () => {
  it('names the rates that can be measured', () => {
    expect(ijbMetrics(result, 'ijbc/')).toEqual({
      'ijbc/auc': result.auc,
      'ijbc/eer': result.eer,
      'ijbc/tar_at_far_1e-2': 1,
      'ijbc/tar_at_far_1e-1': 1,
    });
  });
});

describe('ijbTable', () => {
  it('shows models beside the published ones', () => {
    const lines = markdownTable(ijbTable([{ name: 'ours', result }], 'ijbc')).split('\n');

    expect(lines[0]).toBe('| model | trained on | 1e-6 % | 1e-5 % | 1e-4 % | 1e-3 % | 1e-2 % | 1e-1 % | from |');
    expect(lines[2]).toBe('| ours | – | – | – | – | – | 100.00 | 100.00 | here |');
    expect(lines).toContain(
      '| MobileFaceNet, SH-KD | MS1M-V3 | 90.24 | 93.73 | 95.64 | – | – | – | arXiv 2201.06945, table 4 |',
    );
    expect(lines.join('\n')).toContain('Rates that need more than 171 impostor pairs are left out.');
  });

  it('has no published numbers of IJB-B', () => {
    expect(ijbTable([{ name: 'ours', result }], 'ijbb').rows).toHaveLength(1);
  });
});

describe('reportIjb', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-ijb-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes tables and charts', async () => {
    const { files, summary } = await reportIjb([{ name: 'ours', result }], 'ijbc', folder);

    expect(files).toEqual([
      'ijb-c-table.md',
      'ijb-c-table.csv',
      'ijb-c-roc.csv',
      'ijb-c-roc.svg',
      'ijb-c-roc.png',
      'ijb-c-det.svg',
      'ijb-c-det.png',
      'ijb-c-scores.svg',
      'ijb-c-scores.png',
    ]);
    expect(summary).toContain('ours');
    expect(await readFile(join(folder, 'ijb-c-roc.svg'), 'utf8')).not.toMatch(/NaN|undefined/);
    expect((await readFile(join(folder, 'ijb-c-roc.csv'), 'utf8')).split('\r\n').slice(0, 2)).toEqual([
      'model,far,tar,threshold',
      'ours,0,0,Infinity',
    ]);
  });
});
