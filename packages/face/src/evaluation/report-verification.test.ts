import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markdownTable } from '@headshare/core/report/table';
import { reportVerification, verificationTable } from './report-verification';
import { verify } from './verification';

/** Two people, two images each. */
const result = verify({
  embeddings: Float32Array.of(1, 0, 2, 0, 0, 3, 0, 4),
  dimension: 2,
  pairs: { left: [0, 0, 2, 1], right: [1, 2, 3, 3], same: [1, 0, 1, 0], folds: 2 },
});

it('leaves out rates that need more pairs', () => {
  const lines = markdownTable(verificationTable([{ name: 'lfw', result }])).split('\n');

  expect(lines[0]).toBe(
    '| set | pairs | accuracy % | VAL@1e-3 % | TAR@1e-1 % | TAR@1e-2 % | TAR@1e-3 % | TAR@1e-4 % | AUC % | EER % |',
  );
  expect(lines[2]).toBe('| lfw | 4 | 100.00 ± 0.00 | 100.00 ± 0.00 | – | – | – | – | 100.00 | 0.00 |');
});

it('writes tables and charts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-verification-'));
  try {
    const files = await reportVerification([{ name: 'lfw', result }], folder);

    expect(files).toHaveLength(6);
    for (const file of files) expect((await readFile(join(folder, file))).length).toBeGreaterThan(100);
  } finally {
    await rm(folder, { recursive: true });
  }
});
