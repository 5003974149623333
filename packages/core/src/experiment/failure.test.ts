import { UserError } from '../system/user-error';
import { explain } from './failure';

describe('explain', () => {
  it("returns the message and exit code of a user's mistake", () => {
    expect(explain(new UserError('--epochs must be 1'))).toEqual({ message: '--epochs must be 1', exitCode: 2 });
    expect(explain(new UserError('damaged', 1))).toEqual({ message: 'damaged', exitCode: 1 });
  });

  it.each([
    ['ENOSPC', 'the disk is full; free some space'],
    ['EROFS', 'the file system is read-only; make it writable'],
    ['EACCES', 'no permission; make it readable and writable'],
  ])('advises on %s', (code, advice) => {
    const error = Object.assign(new Error(`${code}: write`), { code, path: '/runs/a/last.ckpt' });
    expect(explain(error)).toEqual({
      message: `Cannot write /runs/a/last.ckpt: ${advice} and run the same command again. What was saved before is intact.`,
      exitCode: 1,
    });
  });

  it('returns the stack of any other error', () => {
    expect(explain(new TypeError('x is undefined')).message).toMatch(/^TypeError: x is undefined\n\s+at /);
  });
});
