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

  it.each([
    [{ code: 'ENOENT', path: '/data/x', syscall: 'open' }, 'Cannot use /data/x: it does not exist (ENOENT, open).'],
    [{ code: 'EISDIR', path: '/data', syscall: 'read' }, 'Cannot use /data: it is a folder (EISDIR, read).'],
    [
      { code: 'ENOTDIR', path: '/a/b', syscall: 'scandir' },
      'Cannot use /a/b: a part of its path is no folder (ENOTDIR, scandir).',
    ],
    [
      { code: 'EIO', path: '/data/x', syscall: 'read' },
      'Cannot use /data/x: the disk cannot be read or written (EIO, read).',
    ],
    [
      { code: 'ENOENT', path: 'python9', syscall: 'spawn python9' },
      'Cannot run python9: it does not exist (ENOENT, spawn python9).',
    ],
  ])('is one sentence for %j', (details, message) => {
    expect(explain(Object.assign(new Error('x'), details))).toEqual({ message, exitCode: 1 });
  });

  it('shows no password, not even in a stack', () => {
    const { message } = explain(new TypeError('cannot use postgresql://me:s3cretpw@h/db'));
    expect(message).toContain('postgresql://***@h/db');
    expect(message).not.toContain('s3cretpw');
  });

  it('returns the stack of any other error', () => {
    expect(explain(new TypeError('x is undefined')).message).toMatch(/^TypeError: x is undefined\n\s+at /);
  });
});
