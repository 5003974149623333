import { lookup } from 'node:dns/promises';
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeProcessFolder } from '../system/process-folder';
import { UserError } from '../system/user-error';
import { type Address, addressText, freePort, isPublic, isWildcard, ownHost } from './addresses';
import { announce } from './announce';
import { type Coordinator, startCoordinator } from './coordinator';
import type { Place } from './environment';
import { Keeper, type Verdict } from './keeper';
import { homeStopped } from './lost';
import { randomToken, tokenVariable } from './secret';
import { outputFile, type WorkerCommand } from './worker-child';
import { workerVariable } from './worker-process';

/** Milliseconds for the others' end when home has ended, and for everybody's after SIGTERM. */
const lastGrace = 10_000;
const failureGrace = 30_000;

const leastToken = 16;

export interface LaunchOptions {
  /** Processes of this machine. */
  readonly workers: number;
  readonly place: Place;
  readonly minWorkers: number;
  /** Seconds. */
  readonly patience: number;
  /** A folder for workers' output. */
  readonly outputFolder: string;
  /** On a machine that joins: whether the run is finished, as the folder of runs shows; the coordinator is then gone. */
  readonly isFinished?: () => Promise<boolean>;
  readonly log: (line: string) => void;
  /** Ctrl-C and SIGTERM, see experiment/interruption.ts; `code` is then the exit code. */
  readonly signal: AbortSignal;
  readonly code: () => number;
  readonly environment?: NodeJS.ProcessEnv;
}

/** This process's command line, for a worker. */
export const ownCommand = (): WorkerCommand => ({
  command: process.execPath,
  args: [...process.execArgv, ...process.argv.slice(1)],
});

/**
 * Runs the command in several processes: starts the coordinator, unless another machine has it, starts the workers and
 * replaces those that die.
 * @returns home's exit code; on a machine that joins, the first that is not 0
 * @throws UserError if the coordinator cannot listen, cannot be reached, or must not be
 */
export async function launch(command: WorkerCommand, options: LaunchOptions): Promise<number> {
  const { workers, place, outputFolder, log, signal, environment = process.env } = options;
  const token = tokenFor(place, environment);
  const keepers: Keeper[] = [];
  let coordinator: Coordinator | undefined;
  let address: Address;
  if (place.kind === 'joins') {
    address = place.coordinator;
    log(`Joins the coordinator at ${addressText(address)} (${place.source}).`);
    const { isFinished } = options;
    if ((await announce({ coordinator: address, token, workers, signal, isFinished })) === 'finished') {
      log('The run is finished: there is nothing left to help with.');
      return 0;
    }
    if (signal.aborted) return options.code();
  } else {
    coordinator = await coordinate(place, token, options, keepers);
    const { host, port } = coordinator.address;
    address = { host: isWildcard(host) ? '127.0.0.1' : host, port };
  }
  mkdirSync(outputFolder, { recursive: true });
  const indices = Array.from({ length: workers }, (_, i) => (place.kind === 'joins' ? i + 1 : i));
  for (const index of indices) rmSync(outputFile(outputFolder, index), { force: true });
  const ofWorkers: WorkerCommand = {
    ...command,
    environment: {
      ...environment,
      ...command.environment,
      HEADSHARE_THREADS:
        environment.HEADSHARE_THREADS || String(Math.max(1, Math.floor(availableParallelism() / workers))),
      [workerVariable]: addressText(address),
      [tokenVariable]: token,
    },
  };
  const scratch = makeProcessFolder('headshare-workers-');
  // Whatever ends this process, no worker stays.
  const killAll = (): void => {
    for (const keeper of keepers) keeper.stop('SIGKILL');
  };
  const killAllAndTidy = (): void => {
    killAll();
    rmSync(scratch, { recursive: true, force: true });
  };
  process.on('exit', killAllAndTidy);
  try {
    return await new Promise<number>((resolve) => {
      const verdicts = new Map<number, Verdict>();
      const said = new Set<string>();
      let isStopping = false;
      let timers: NodeJS.Timeout[] = [];
      const stopAll = (name: NodeJS.Signals, after = 0, killAfter?: number): void => {
        if (isStopping) return;
        isStopping = true;
        timers.push(
          setTimeout(() => {
            for (const keeper of keepers) if (!keeper.isOver) keeper.stop(name);
          }, after),
        );
        if (killAfter !== undefined) timers.push(setTimeout(killAll, after + killAfter));
      };
      const onAbort = (): void => {
        isStopping = false;
        stopAll(options.code() === 130 ? 'SIGINT' : 'SIGTERM');
      };
      const end = (index: number, verdict: Verdict): void => {
        verdicts.set(index, verdict);
        const { sentence } = verdict;
        // All workers may meet the same error.
        if (sentence === undefined || !said.has(sentence)) for (const line of verdict.lines) log(line);
        if (sentence !== undefined) said.add(sentence);
        const isHome = index === 0;
        // Those who wait for home, wait no more.
        if (isHome) coordinator?.end(verdict.code === 0 ? undefined : homeStopped);
        if (isHome && isStopping) timers.push(setTimeout(killAll, lastGrace));
        else if (isHome && verdict.code === 0) stopAll('SIGTERM', lastGrace, lastGrace);
        else if (verdict.endsAll) stopAll('SIGTERM', 0, failureGrace);
        if (verdicts.size < indices.length) return;
        for (const timer of timers) clearTimeout(timer);
        timers = [];
        signal.removeEventListener('abort', onAbort);
        const code = exitCode(verdicts, signal.aborted ? options.code() : undefined);
        if (code === 0 && place.kind === 'joins') log('The run is finished.');
        resolve(code);
      };
      for (const index of indices) {
        keepers.push(
          new Keeper({
            index,
            command: ofWorkers,
            folder: outputFolder,
            scratch: join(scratch, String(index)),
            isShown: index === indices[0],
            log,
            onVerdict: (verdict) => end(index, verdict),
          }),
        );
      }
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
    });
  } finally {
    process.off('exit', killAllAndTidy);
    rmSync(scratch, { recursive: true, force: true });
    await coordinator?.close();
  }
}

/** The launcher's exit code: the first failure that ended all, else home's, else the first that is not 0. */
function exitCode(verdicts: ReadonlyMap<number, Verdict>, interruptedCode: number | undefined): number {
  const home = verdicts.get(0);
  const all = [...(home ? [home] : []), ...verdicts.values()];
  const fatal = all.find(({ endsAll, code }) => endsAll && code !== 0);
  const code = (fatal ?? home ?? all.find((one) => one.code !== 0))?.code ?? 0;
  return code === 0 ? 0 : (interruptedCode ?? code);
}

/** @throws UserError if several machines lack a token, or it is too short */
function tokenFor(place: Place, environment: NodeJS.ProcessEnv): string {
  const token = environment[tokenVariable];
  if (place.kind === 'alone') return token || randomToken();
  if (token && token.length >= leastToken) return token;
  throw new UserError(
    `Workers on several machines need the same secret of at least ${leastToken} characters in ${tokenVariable} on each of them (${place.source}).`,
  );
}

async function coordinate(
  place: Exclude<Place, { kind: 'joins' }>,
  token: string,
  { workers, minWorkers, patience, log }: LaunchOptions,
  keepers: readonly Keeper[],
): Promise<Coordinator> {
  const { listen, localHost } =
    place.kind === 'first' ? await openPlace(place, log) : { listen: { host: '127.0.0.1', port: 0 } };
  const coordinator = await startCoordinator({
    listen,
    token,
    expected: workers * (place.kind === 'first' ? place.machines : 1),
    minWorkers,
    patience,
    ...(localHost !== undefined && { localHost }),
    log,
    bringsHomeBack: () => keepers[0]?.isOver === false,
    onFrozenHome: (pid) => {
      if (keepers[0]?.pid === pid) keepers[0].kill();
    },
  });
  if (place.kind === 'first') {
    log(
      `Other machines join with --join=${addressText({ host: localHost ?? listen.host, port: coordinator.address.port })}.`,
    );
  }
  return coordinator;
}

/** Where to listen for other machines, and the address that they have for workers of this one. */
async function openPlace(
  { listen: { host, port }, source }: Extract<Place, { kind: 'first' }>,
  log: (line: string) => void,
): Promise<{ readonly listen: Address; readonly localHost: string }> {
  const ip = await lookup(host).then(
    ({ address }) => address,
    () => {
      throw new UserError(`${source} names this machine ${host}, which is no known host.`);
    },
  );
  const warning = "use it in a private network only: TensorFlow's connections are not encrypted";
  if (isPublic(ip)) log(`Warning: ${ip} (${source}) is a public address; ${warning}.`);
  if (isWildcard(ip)) log(`Warning: ${ip} (${source}) is every network of this machine; ${warning}.`);
  else if (source !== '--listen') {
    // The address of a service in front of this machine, as Kubernetes has them.
    const isOwn = await freePort(ip).then(
      () => true,
      () => false,
    );
    if (!isOwn) {
      log(
        `Warning: ${host} (${source}) is no address of this machine, so that all its networks are listened on; ${warning}.`,
      );
      return { listen: { host: '0.0.0.0', port }, localHost: ownHost() };
    }
  }
  return { listen: { host: ip, port }, localHost: isWildcard(ip) ? ownHost() : ip };
}
