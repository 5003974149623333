import { readdirSync } from 'node:fs';
import { removeTemporaryFolders, temporaryFolder } from '../../test/tiny-training';
import { openScratchFile } from './scratch-file';

afterAll(removeTemporaryFolders);

test('a scratch file has no name and returns the bytes that were appended', () => {
  const folder = temporaryFolder();
  const scratch = openScratchFile(folder);
  expect(readdirSync(folder)).toEqual([]);
  expect([scratch.append(Buffer.from('one')), scratch.append(Buffer.from('two'))]).toEqual([0, 3]);
  const target = Buffer.alloc(4);
  scratch.read(target, 2);
  expect(target.toString()).toBe('etwo');
  expect(() => scratch.read(target, 4)).toThrow('ends too early');
  scratch.close();
  expect(() => openScratchFile(`${folder}/nowhere`)).toThrow('does not exist');
});
