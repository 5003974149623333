/**
 * A mistake the user can mend: a bad option, a damaged file, a full disk.
 * The command line prints its message alone, without a stack, and exits with `exitCode`
 * (2: wrong usage, nothing was done; 1: the work itself could not go on).
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(message);
  }
}
