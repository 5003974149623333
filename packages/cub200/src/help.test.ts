import { dirname } from 'node:path';
import { loadCatalog } from '@headshare/core/experiment/catalog';
import { expectReadableHelp } from '@headshare/core/test/expect-readable-help';

test('the help of every experiment and profile is readable', () => {
  expectReadableHelp(loadCatalog(dirname(__dirname)));
});
