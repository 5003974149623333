import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markdownTable } from '@headshare/core/report/table';
import { embeddings, flipped, images, pairs } from '../../test/ijbc-tiny';
import { evaluateIjb, type IjbResult } from './evaluate-ijb';
import { ijbMetrics, ijbTable, reportIjb } from './report-ijb';

let result: IjbResult;

beforeAll(async () => {
  result = await evaluateIjb({ images, pairs, embeddings, flipped });
});

describe('ijbMetrics', () => {
  it('names what can be measured', () => {
    expect(ijbMetrics(result, 'ijbc/')).toEqual({
      'ijbc/auc': result.auc,
      'ijbc/eer': result.eer,
      'ijbc/tar_at_far_1e-2': 46 / 52,
      'ijbc/tar_at_far_1e-1': 51 / 52,
    });
  });
});

describe('ijbTable', () => {
  it('puts models beside the published ones', () => {
    const lines = markdownTable(ijbTable([{ name: 'ours', result }], 'IJB-C')).split('\n');

    expect(lines[0]).toBe('| model | trained on | 1e-6 % | 1e-5 % | 1e-4 % | 1e-3 % | 1e-2 % | 1e-1 % | from |');
    expect(lines[2]).toBe('| ours | – | – | – | – | – | 88.46 | 98.08 | here |');
    expect(lines).toContain(
      '| MobileFaceNet, SH-KD | MS1M-V3 | 90.24 | 93.73 | 95.64 | – | – | – | arXiv 2201.06945, table 4 |',
    );
    expect(lines.join('\n')).toContain('Rates that need more than 548 impostor pairs are left out.');
  });

  it('knows no published numbers of IJB-B', () => {
    expect(ijbTable([{ name: 'ours', result }], 'IJB-B').rows).toHaveLength(1);
  });
});

describe('reportIjb', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-ijb-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes tables and pictures', async () => {
    const { files, summary } = await reportIjb([{ name: 'ours', result }], 'IJB-C', folder);

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
