import { dirname } from 'node:path';
import { loadCatalog } from '@headshare/core/experiment/catalog';
import type { Stage } from '@headshare/core/experiment/define';
import { helpText } from '@headshare/core/experiment/help';
import { expectReadableHelp } from '@headshare/core/test/expect-readable-help';

test('the help of every experiment and profile is readable', () => {
  expectReadableHelp(loadCatalog(dirname(__dirname)));
});

test('the help of a distillation has headings, and the values of its profile', () => {
  const catalog = loadCatalog(dirname(__dirname));
  const distill = catalog.experiments.get('distill') as Stage;
  const help = helpText(distill, catalog, 'default');
  const headings = help.split('\n').filter((line, i, lines) => lines[i + 1]?.startsWith('  --') && /^\w/.test(line));
  expect(headings).toEqual([
    'Data',
    'Training',
    'Student and teacher',
    'Computation',
    'Several processes',
    'Student',
    'Method',
    'Teacher cache',
    'Teacher',
    'SH-KD (--method=sh-kd)',
  ]);
  expect(help).toMatch(/^ {2}--student=NAME .*\(npx nx run core:models\) \[mobilefacenet\]$/m);
  expect(help).toMatch(/^ {2}--image-size=HxW .*\[32\]$/m);
  expect(helpText(distill, catalog, 'ms1mv3')).toMatch(/^ {2}--batchSize=N .*\[1024\]$/m);
});
