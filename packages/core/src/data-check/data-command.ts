import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { packShards } from '../data/sources/pack-shards';
import { verifyShards } from '../data/sources/shards';
import { dataFolder } from '../experiment/data-fingerprint.cjs';
import { explain } from '../experiment/failure';
import { isFolder, notAFolder } from '../system/archive';
import { makeFolder } from '../system/make-folder.cjs';
import { guardOutput, keepWorking } from '../system/output.cjs';
import { makeProgress } from '../system/progress';
import { UserError } from '../system/user-error';
import { diskError } from '../system/whole-file';
import { checkData } from './check-data';
import { type DataArguments, readDataArguments } from './data-arguments';
import { type DataKind, isSource } from './data-kind';

const workspace = resolve(__dirname, '../../../..');

/** The `data` command of a package. Returns the exit code: 0 for success; 1 for missing data or a failure; 2 for wrong usage. */
export async function dataCommand(
  project: string,
  kinds: readonly [DataKind, ...DataKind[]],
  argv: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  guardOutput();
  try {
    const [first, ...others] = kinds.map(({ name }) => name);
    const given = readDataArguments(argv, project, [first as string, ...others]);
    if (given.help !== undefined) {
      print(given.help);
      return 0;
    }
    // A check is for its reader; the others write files.
    if (given.action !== 'check') keepWorking();
    const folder = resolve(given.data ?? dataFolder(workspace, project));
    if (existsSync(folder) && !isFolder(folder))
      throw notAFolder(folder, given.data === undefined ? undefined : '--data');
    const run = { check, example, pack, verify }[given.action];
    return await run({ project, kinds, given, folder, print });
  } catch (error) {
    const { message, exitCode } = explain(error);
    console.error(message);
    return exitCode;
  }
}

interface Run {
  readonly project: string;
  readonly kinds: readonly [DataKind, ...DataKind[]];
  readonly given: DataArguments;
  readonly folder: string;
  readonly print: (line: string) => void;
}

function kindOf({ kinds, given, folder }: Run): DataKind | undefined {
  return kinds.find(({ name, matches }) => (given.kind === undefined ? matches(folder) : name === given.kind));
}

async function check(run: Run): Promise<number> {
  const { given, folder, print } = run;
  const kind = kindOf(run);
  if (!kind) {
    print(`${folder} has none of ${run.kinds.map(({ title }) => title).join(', ')}.`);
    for (const known of run.kinds) printHowTo(known, run);
    return 1;
  }
  try {
    const isComplete = await checkData(kind, folder, { ...given, cacheFolder: given.cache }, print);
    if (!isComplete) printHowTo(kind, run);
    return isComplete ? 0 : 1;
  } catch (error) {
    const { message, exitCode } = explain(error);
    print(message);
    if (exitCode !== 2) printHowTo(kind, run);
    return exitCode;
  }
}

/** Prints where to download the data, the layout of its folder, and the next command. */
function printHowTo({ title, name, page, layout }: DataKind, { project, folder, print }: Run): void {
  print('');
  print(page === undefined ? `${title}:` : `${title} is at ${page}`);
  print(`In ${folder}:`);
  for (const line of layout) print(`  ${line}`);
  print(`Then: npx nx run ${project}:data -- check --kind=${name} --data=${folder}`);
}

async function example({ kinds, given, print, project }: Run): Promise<number> {
  const kind = kinds.find(({ name }) => name === given.kind) ?? kinds[0];
  const out = outFolder(given.out);
  makeOutFolder(out);
  if (readdirSync(out).length > 0) throw new UserError(`--out: ${out} is not empty`);
  await kind.example(out);
  print(
    `Wrote a tiny dataset (${kind.title}) to ${out}. To check it: npx nx run ${project}:data -- check --kind=${kind.name} --data=${out}`,
  );
  return 0;
}

async function pack(run: Run): Promise<number> {
  const { given, folder, print } = run;
  const out = outFolder(given.out);
  const kind = kindOf(run);
  if (!kind) return check(run);
  const { train, test } = await kind.open(folder, { cacheFolder: given.cache });
  const progress = makeProgress('pack');
  for (const split of [train, test]) {
    if (!split) continue;
    if (!isSource(split)) throw new UserError(`--kind: ${kind.title} is already in large files and needs no packing`);
    const shardBytes = given.shardMegabytes && given.shardMegabytes * 2 ** 20;
    const { shards } = await packShards(split, out, shardBytes, (done, total) =>
      progress.update({ done, total, unit: 'images', text: split.name }),
    );
    progress.clear();
    print(`${split.name}: ${split.labels.length} images in ${shards.length} files in ${out}`);
  }
  return 0;
}

async function verify({ given, print }: Run): Promise<number> {
  const out = outFolder(given.out);
  const ending = '.shards.json';
  if (!isFolder(out)) throw notAFolder(out, '--out');
  const names = readdirSync(out).filter((name) => name.endsWith(ending));
  if (names.length === 0) throw new UserError(`${out} has no packed images (*${ending})`, 1);
  for (const name of names) {
    await verifyShards(out, name.slice(0, -ending.length));
    print(`${name}: complete`);
  }
  return 0;
}

function outFolder(out: string | undefined): string {
  if (out === undefined) throw new UserError('--out is required: name a folder');
  const folder = resolve(out);
  if (existsSync(folder) && !isFolder(folder)) throw notAFolder(folder, '--out');
  return folder;
}

function makeOutFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw diskError(error, {
      full: `The disk of ${folder} is full.`,
      unusable: (code) => `--out: ${folder} cannot be made (${code}).`,
    });
  }
}
