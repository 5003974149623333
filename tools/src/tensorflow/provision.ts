import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Device } from '@headshare/core/runtime/device';
import { locked } from '../lock';
import { checkAddon } from './check';
import {
  type Build,
  type Compiler,
  compileAddon,
  compileAhead,
  findCompiler,
  noCompiler,
  type Objects,
  type Sources,
} from './compile';
import { cpuIdentity } from './cpu';
import { explained } from './errors';
import { addonPlace, linkAddon, packageFolder, packageNames } from './link';
import { type Platform, platformFor, requireGlibc } from './platforms';
import { type AddonStamp, addonStamp, hasLibraries, readStamp, sameStamp, stampFiles, writeStamp } from './stamp';
import { unpackLibraries } from './unpack';

/** Bytes that a build needs beside the libraries: the addon twice, and the compiler's temporary files. */
const buildRoom = 20e6;

interface Plan {
  readonly platform: Platform;
  /** `.tensorflow/<device>` */
  readonly folder: string;
  /** The built addon, in `folder`. */
  readonly addon: string;
  /** The path where tfjs-node looks for the addon. */
  readonly place: string;
  readonly tfjsNode: string;
  readonly sources: Sources;
  readonly compiler: Compiler | undefined;
}

/**
 * Puts TensorFlow and an addon that trains into `.tensorflow/<device>` of the workspace, and links the addon to
 * tfjs-node. Keeps files that still fit. Simultaneous calls wait for each other.
 * @throws UserError (exit code 1) for every cause in the environment
 */
export async function provision(workspace: string, device: Device, signal: AbortSignal): Promise<void> {
  const platform = platformFor(device);
  const tfjsNode = packageFolder(packageNames[device]);
  const folder = join(workspace, '.tensorflow', device);
  const plan: Plan = {
    platform,
    folder,
    addon: join(folder, 'tfjs_binding.node'),
    place: addonPlace(device),
    tfjsNode,
    sources: {
      native: join(workspace, 'packages', 'core', 'native'),
      tfjsNode,
      nodeHeaders: join(packageFolder('node-api-headers'), 'include'),
    },
    compiler: await findCompiler(),
  };
  try {
    if (!isBuilt(plan)) {
      mkdirSync(dirname(folder), { recursive: true });
      const waiting = 'Another call is setting TensorFlow up; waiting for it.';
      await locked(`${folder}.lock`, waiting, signal, async () => {
        if (!isBuilt(plan)) await build(plan, signal);
      });
    }
    linkAddon(plan.place, plan.addon);
  } catch (error) {
    throw explained(error, dirname(folder), buildRoom);
  }
  console.log(`TensorFlow ${platform.tensorflow.version} (${device}) is ready.`);
}

/** The stamp of an addon that fits. Without a compiler, one that any compiler built. */
function wantedStamp({ platform, compiler, sources, folder }: Plan): AddonStamp {
  const before = readStamp<AddonStamp>(folder, stampFiles.addon);
  return addonStamp(platform, compiler?.identity ?? before?.compiler ?? '', cpuIdentity(), sources);
}

function isBuilt(plan: Plan): boolean {
  const wanted = wantedStamp(plan);
  return (
    sameStamp(readStamp<AddonStamp>(plan.folder, stampFiles.addon), wanted) &&
    existsSync(plan.addon) &&
    hasLibraries(plan.folder, wanted.wheels)
  );
}

async function build(plan: Plan, signal: AbortSignal): Promise<void> {
  const { platform, folder, compiler, addon, tfjsNode } = plan;
  // First, before downloading hundreds of megabytes.
  requireGlibc();
  if (compiler === undefined) throw noCompiler();
  removeLeftovers(folder);
  const stamp = wantedStamp(plan);
  const objects = mkdtempSync(`${folder}.partial-objects-`);
  const candidate = join(folder, candidateName);
  try {
    const ahead = hasLibraries(folder, stamp.wheels)
      ? undefined
      : await unpackAndCompile({ compiler, platform, sources: plan.sources, folder: objects, signal }, folder);
    console.log(`Building the addon with ${compiler.identity}`);
    const work = { compiler, platform, sources: plan.sources, folder, signal };
    for (const name of ['stderr.node', 'scores.node', 'listen.so'] as const) {
      await compileAddon(work, name, candidate, ahead);
      renameSync(candidate, join(folder, name));
    }
    await buildImages(work, candidate, ahead);
    await compileAddon(work, 'tfjs_binding.node', candidate, ahead);
    console.log('Checking the addon with three training steps');
    const { losses, gpu } = await checkAddon(candidate, tfjsNode, signal);
    console.log(`  loss ${losses.map((loss) => loss.toFixed(4)).join(' -> ')}`);
    if (platform.device === 'gpu' && !gpu) console.log('No usable GPU was found: TensorFlow will run on the CPU.');
    flush(candidate);
    rmSync(join(folder, stampFiles.addon), { force: true });
    renameSync(candidate, addon);
    writeStamp(folder, stampFiles.addon, stamp);
  } finally {
    rmSync(candidate, { force: true });
    rmSync(objects, { recursive: true, force: true });
  }
}

/** Gets TensorFlow's libraries, and meanwhile compiles what needs none of its headers. The first failure stops both. */
async function unpackAndCompile(build: Build, folder: string): Promise<Objects> {
  const failed = new AbortController();
  const signal = AbortSignal.any([build.signal, failed.signal]);
  const both = [compileAhead({ ...build, signal }), unpackLibraries(build.platform, folder, signal)] as const;
  try {
    const [ahead] = await Promise.all(both);
    return ahead;
  } catch (error) {
    failed.abort();
    await Promise.allSettled(both);
    throw error;
  }
}

/** Builds the image addon. It fails where TensorFlow's library hides its JPEG functions; then sharp decodes, half as fast. */
async function buildImages(work: Build, candidate: string, ahead: Objects | undefined): Promise<void> {
  const place = join(work.folder, 'images.node');
  rmSync(place, { force: true });
  try {
    await compileAddon(work, 'images.node', candidate, ahead);
    renameSync(candidate, place);
  } catch (error) {
    if (work.signal.aborted) throw error;
    console.log(`  sharp alone will decode images: ${(error as Error).message}`);
  }
}

const candidateName = 'candidate.node';

/** Removes the files of a killed call. Only the holder of the lock may do this. */
function removeLeftovers(folder: string): void {
  const base = dirname(folder);
  const partial = `${folder}.partial-`;
  for (const name of readdirSync(base)) {
    const path = join(base, name);
    if (path.startsWith(partial)) rmSync(path, { recursive: true, force: true });
  }
  rmSync(join(folder, candidateName), { force: true });
}

function flush(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
