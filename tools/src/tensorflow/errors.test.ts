import { UserError } from '@headshare/core/system/user-error';
import { explained, size } from './errors';

const failure = (code: string) => Object.assign(new Error(code), { code });

test.each(['ENOSPC', 'EDQUOT'])('%s names the folder and the needed room', (code) => {
  expect(explained(failure(code), '/ws/.tensorflow', 1.4e9)).toMatchObject({
    message: 'The disk is full: TensorFlow needs 1.4 GB free in /ws/.tensorflow; make room and run this again.',
    exitCode: 1,
  });
});

test.each(['EROFS', 'EACCES', 'EPERM'])('%s names the folder that cannot be written to', (code) => {
  expect(explained(failure(code), '/ws/.tensorflow', 1)).toMatchObject({
    message: expect.stringContaining('/ws/.tensorflow cannot be written to'),
    exitCode: 1,
  });
});

test('names the path of an error elsewhere instead', () => {
  const error = Object.assign(failure('EACCES'), { path: '/ws/node_modules/@tensorflow/tfjs-node/lib' });
  expect(explained(error, '/ws/.tensorflow', 1)).toMatchObject({
    message: expect.stringMatching(/^\/ws\/node_modules\/@tensorflow\/tfjs-node cannot be written to/),
  });
});

test.each([failure('EPIPE'), new UserError('said already'), undefined])('%p stays unchanged', (error) => {
  expect(explained(error, '/ws', 1)).toBe(error);
});

test('sizes are printed as a package index does', () => {
  expect([273_829_956, 1.4e9, 10].map(size)).toEqual(['274 MB', '1.4 GB', '1 MB']);
});
