import { dataCommand } from '@headshare/core/data-check/data-command';
import { faceFolderKind, recordsKind, verificationKind } from './data/data-kinds';

/** The `face:data` command. */
export const main = (argv: readonly string[], print: (line: string) => void): Promise<number> =>
  dataCommand('face', [recordsKind, verificationKind, faceFolderKind], argv, print);

if (require.main === module) {
  main(process.argv.slice(2), console.log).then((exitCode) => {
    process.exitCode = exitCode;
  });
}
