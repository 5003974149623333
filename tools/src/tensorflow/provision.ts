import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Device } from '@headshare/core/runtime/device';
import { checkAddon } from './check';
import {
  type Build,
  type Compiler,
  compileAddon,
  compileImages,
  compileScores,
  compileStderr,
  findCompiler,
  noCompiler,
  type Sources,
} from './compile';
import { cpuIdentity } from './cpu';
import { explained } from './errors';
import { addonPlace, linkAddon, packageFolder, packageNames } from './link';
import { locked } from './lock';
import { type Platform, platformFor, requireGlibc } from './platforms';
import { say } from './progress';
import { type AddonStamp, addonStamp, hasLibraries, readStamp, sameStamp, stampFiles, writeStamp } from './stamp';
import { unpackLibraries } from './unpack';

/** Room that building needs beside the libraries: the addon twice and the compiler's temporary files. */
const buildRoom = 20e6;

/** Everything that one call works with. */
interface Plan {
  readonly platform: Platform;
  /** `.tensorflow/<device>` */
  readonly folder: string;
  /** The built addon in it. */
  readonly addon: string;
  /** Where tfjs-node looks for the addon. */
  readonly place: string;
  readonly tfjsNode: string;
  readonly sources: Sources;
  readonly compiler: Compiler | undefined;
}

/**
 * Sees to it that `.tensorflow/<device>` in the workspace holds TensorFlow and an addon that trains, and that tfjs-node
 * finds it. What is already there and still fits is left alone. Calls at the same time wait for one another.
 * @throws UserError (exit code 1) for everything the environment can be the cause of
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
      await locked(`${folder}.lock`, signal, async () => {
        if (!isBuilt(plan)) await build(plan, signal);
      });
    }
    linkAddon(plan.place, plan.addon);
  } catch (error) {
    throw explained(error, dirname(folder), buildRoom);
  }
  say(`TensorFlow ${platform.tensorflow.version} (${device}) is ready.`);
}

/** What the addon's stamp has to say. With no compiler at hand an addon is not refused for another compiler's work. */
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
  // Before hundreds of megabytes are fetched.
  requireGlibc();
  if (compiler === undefined) throw noCompiler();
  removeLeftovers(folder);
  const stamp = wantedStamp(plan);
  if (!hasLibraries(folder, stamp.wheels)) await unpackLibraries(platform, folder, signal);

  say(`Building the addon with ${compiler.identity}`);
  const candidate = join(folder, candidateName);
  try {
    const work = { compiler, platform, sources: plan.sources, folder, signal };
    await compileStderr(work, candidate);
    renameSync(candidate, join(folder, 'stderr.node'));
    await compileScores(work, candidate);
    renameSync(candidate, join(folder, 'scores.node'));
    await buildImages(work, candidate);
    await compileAddon(work, candidate);
    say('Checking it: three steps of training');
    const { losses, gpu } = await checkAddon(candidate, tfjsNode, signal);
    say(`  loss ${losses.map((loss) => loss.toFixed(4)).join(' -> ')}`);
    if (platform.device === 'gpu' && !gpu) say('No usable GPU was found: TensorFlow will run on the CPU.');
    flush(candidate);
    rmSync(join(folder, stampFiles.addon), { force: true });
    renameSync(candidate, addon);
    writeStamp(folder, stampFiles.addon, stamp);
  } finally {
    rmSync(candidate, { force: true });
  }
}

/** Images are decoded without it too, at half the speed: where TensorFlow's library keeps its JPEG to itself, that is told. */
async function buildImages(work: Build, candidate: string): Promise<void> {
  const place = join(work.folder, 'images.node');
  rmSync(place, { force: true });
  try {
    await compileImages(work, candidate);
    renameSync(candidate, place);
  } catch (error) {
    if (work.signal.aborted) throw error;
    say(`  images will be decoded by sharp alone: ${(error as Error).message}`);
  }
}

const candidateName = 'candidate.node';

/** What a call that was killed left behind. Only the holder of the lock may do this. */
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
