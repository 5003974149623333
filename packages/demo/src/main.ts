import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { asyncCommand } from '@headshare/core/experiment/command';
import { integer, optional, text } from '@headshare/core/experiment/option';
import { findSource } from '@headshare/core/export/source';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { UserError } from '@headshare/core/system/user-error';
import { buildFolder } from './build-folder';
import { newestRun } from './newest-run';
import { serveFolder } from './serve';

const root = resolve(__dirname, '../../..');

/** The command of a package: `npx nx run face:demo`. */
const demo = (packageName: string) =>
  asyncCommand(
    {
      summary: 'Show a distilled student at work in the browser, where its pictures stay',
      usage: `${packageName}:demo --run=RUN`,
      maxWords: 0,
      options: {
        run: optional(
          text({ placeholder: 'RUN', valid: "a run's folder, key or MLflow id", help: 'its student is shown' }),
          `the newest of ${packageName}:distill`,
        ),
        gallery: optional(
          text({
            placeholder: 'DIR',
            valid: 'a folder of people',
            help: 'faces: people to search, <person>/<picture> or <person>.jpg, aligned crops',
          }),
          "people of the run's training pictures",
        ),
        out: optional(
          text({
            placeholder: 'DIR',
            valid: 'a new folder',
            help: 'write the page into a folder for a static host, and serve nothing',
          }),
          'none',
        ),
        port: integer({
          default: 8080,
          min: 0,
          max: 65_535,
          help: 'where the page is served, on this machine alone; 0: any free one',
        }),
      },
    },
    async ({ run, gallery, out, port }, _, print) => {
      const source = await findSource(run ?? (await newestRun(packageName, root)), root);
      const { made } = source;
      if (!made) throw new UserError(`--run: ${run} is a file of weights; a page needs a run, for its data`);
      if (made.run.package !== packageName) {
        throw new UserError(`--run: ${made.run.title} is shown by npx nx run ${made.run.package}:demo`);
      }
      const target = out === undefined ? undefined : freeFolder(out);
      const folder = target
        ? mkdtempSync(join(dirname(target), `.${basename(target)}.`))
        : makeProcessFolder('headshare-demo-');
      try {
        print(`The student of ${made.run.title}`);
        for (const line of await buildFolder({ source: { ...source, made }, folder, gallery, root })) print(line);
        if (target) {
          if (existsSync(target)) rmdirSync(target);
          // A temporary folder is closed to other users, such as a web server's.
          chmodSync(folder, 0o755);
          renameSync(folder, target);
          print(`The page is in ${target}: any static host can serve it`);
          return;
        }
        const { address, server } = await serveFolder(folder, port);
        print(`The page is at ${address} (Ctrl-C ends it)`);
        await new Promise<void>((ended) => {
          for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended());
        });
        server.close();
        server.closeAllConnections();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

/** @throws UserError unless the folder can be made, or is empty */
function freeFolder(path: string): string {
  const folder = resolve(path);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new UserError(`--out: ${folder} exists and is not empty`);
  }
  mkdirSync(dirname(folder), { recursive: true });
  return folder;
}

if (require.main === module) {
  const [packageName = '', ...argv] = process.argv.slice(2);
  demo(packageName)(argv, console.log).then((exitCode) => {
    process.exitCode = exitCode;
  });
}
