import { shownName } from './file-name';

/**
 * A problem that the user can fix: a wrong option, a damaged file, a full disk. The command line prints the message
 * without a stack and exits with `exitCode` (2: wrong usage, nothing was done; 1: the work failed).
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(shownName(message));
  }
}
