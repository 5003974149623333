/**
 * Where a machine stands among several, from options and from the environments of cluster software.
 *
 * The environments are read only where `--workers` or `--join` asks for workers: nobody who trains in one process, on a
 * node of whatever cluster, is to find his training distributed. They say where the coordinator is, who is first and how
 * many machines there are; membership is the coordinator's. All that are set must agree.
 */
import { decimal } from '../system/decimal';
import { isRecord } from '../system/is-record';
import { UserError } from '../system/user-error';
import { type Address, addressText, readAddress } from './addresses';
import { firstNode } from './node-list';

export type Place =
  /** All workers are on this machine. */
  | { readonly kind: 'alone' }
  /** This machine has the coordinator. `machines`: how many there will be, as far as is known. */
  | { readonly kind: 'first'; readonly listen: Address; readonly machines: number; readonly source: string }
  | { readonly kind: 'joins'; readonly coordinator: Address; readonly source: string };

export interface PlaceOptions {
  /** `--join=HOST:PORT`. */
  readonly join?: string | undefined;
  /** `--listen=ADDR:PORT`. */
  readonly listen?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What one environment says; undefined where it is not set, or knows of one machine only. */
interface Claim {
  /** The variable that names the coordinator. */
  readonly source: string;
  readonly coordinator: Address;
  readonly isFirst: boolean;
  readonly machines: number;
}

/**
 * In this order: `--join`, torchrun's variables (MASTER_ADDR and RANK), Kubeflow Trainer's (PET_MASTER_ADDR), TF_CONFIG,
 * Slurm's.
 * @throws UserError for malformed variables, and for two that contradict each other
 */
export function placeOf({ join, listen }: PlaceOptions, environment: Environment): Place {
  if (join !== undefined && listen !== undefined) {
    throw new UserError('--listen is for the first machine and --join for the others: give one of them.');
  }
  const claims = [masterClaim, kubeflowClaim, tensorFlowClaim, slurmClaim].flatMap((read) => read(environment) ?? []);
  if (join !== undefined) {
    claims.unshift({ source: '--join', coordinator: readAddress(join, '--join'), isFirst: false, machines: 0 });
  }
  const [first, ...others] = claims;
  for (const other of others) if (first) refuseContradiction(first, other);
  if (listen !== undefined) {
    if (first && !first.isFirst) {
      throw new UserError(
        `--listen makes this machine the first, and ${first.source} says that ${addressText(first.coordinator)} is.`,
      );
    }
    return {
      kind: 'first',
      listen: readAddress(listen, '--listen'),
      machines: first?.machines ?? 1,
      source: '--listen',
    };
  }
  if (!first) return { kind: 'alone' };
  const { source, coordinator, isFirst, machines } = first;
  return isFirst ? { kind: 'first', listen: coordinator, machines, source } : { kind: 'joins', coordinator, source };
}

function refuseContradiction(one: Claim, other: Claim): void {
  if (one.isFirst !== other.isFirst) {
    const [first, second] = one.isFirst ? [one, other] : [other, one];
    throw new UserError(
      `${first.source} says that this machine is the first, and ${second.source} that it is not: unset one of them.`,
    );
  }
  // Each has a port of its own, unless the port is an option's.
  const differs = one.coordinator.host !== other.coordinator.host;
  if (!differs) return;
  throw new UserError(
    `${one.source} names the first machine ${one.coordinator.host}, and ${other.source} ${other.coordinator.host}: unset one of them.`,
  );
}

/** torchrun, and who sets its variables without it (Kubeflow's PyTorchJob): one process on each machine. */
function masterClaim(environment: Environment): Claim | undefined {
  const { MASTER_ADDR: host, RANK, WORLD_SIZE } = environment;
  if (!host || !RANK || !WORLD_SIZE) return undefined;
  const machines = count(environment, 'WORLD_SIZE', 1);
  const rank = count(environment, 'RANK', 0, machines - 1);
  const perNode = environment.LOCAL_WORLD_SIZE ? count(environment, 'LOCAL_WORLD_SIZE', 1) : 1;
  if (perNode > 1) {
    throw new UserError(
      `torchrun starts ${perNode} processes on this machine (LOCAL_WORLD_SIZE); start one (--nproc-per-node=1), and set --workers.`,
    );
  }
  if (machines === 1) return undefined;
  const port = count(environment, 'MASTER_PORT', 1, 65535);
  // torchrun itself listens on its port.
  const isTaken = Boolean(environment.TORCHELASTIC_RUN_ID);
  return claim('MASTER_ADDR', { host, port: isTaken ? nextPort(port) : port }, rank, machines);
}

/** Kubeflow Trainer's variables for torchrun, which runs the command in torchrun's place. */
function kubeflowClaim(environment: Environment): Claim | undefined {
  const { PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR: host } = environment;
  if (!PET_NNODES || !PET_NODE_RANK) return undefined;
  // `2:4`: from 2 to 4 machines.
  const [, least = '', most = least] = /^(\d+)(?::(\d+))?$/.exec(PET_NNODES) ?? [];
  const machines = decimal(least) ?? 0;
  if (machines < 1 || (decimal(most) ?? 0) < machines) {
    throw new UserError(`PET_NNODES must be a number of machines, or two as 2:4, got '${PET_NNODES}'.`);
  }
  if ((decimal(most) ?? 0) === 1) return undefined;
  const rank = count(environment, 'PET_NODE_RANK', 0);
  if (!host) throw new UserError('PET_MASTER_ADDR is missing beside PET_NNODES and PET_NODE_RANK.');
  return claim('PET_MASTER_ADDR', { host, port: count(environment, 'PET_MASTER_PORT', 1, 65535) }, rank, machines);
}

/** Kubeflow's TFJob: `{"cluster":{"worker":["a:2222","b:2222"]},"task":{"type":"worker","index":1}}`. */
function tensorFlowClaim(environment: Environment): Claim | undefined {
  const text = environment.TF_CONFIG;
  if (!text) return undefined;
  const config = jsonOf(text);
  const cluster = isRecord(config) ? config.cluster : undefined;
  const task = isRecord(config) ? config.task : undefined;
  if (!isRecord(cluster) || !isRecord(task)) {
    throw new UserError('TF_CONFIG must be JSON with the objects cluster and task.');
  }
  const [chief, master, workers] = ['chief', 'master', 'worker'].map((name) => addresses(cluster, name));
  const all = [...(chief ?? []), ...(master ?? []), ...(workers ?? [])];
  const { type, index } = task;
  const own = typeof type === 'string' ? cluster[type] : undefined;
  if (!['chief', 'master', 'worker'].includes(String(type))) {
    throw new UserError(
      `TF_CONFIG gives this machine the task '${type}', and headshare has the tasks chief and worker.`,
    );
  }
  if (!Array.isArray(own) || !Number.isInteger(index) || typeof own[index as number] !== 'string') {
    throw new UserError(`TF_CONFIG gives this machine the task ${type} ${index}, which its cluster lacks.`);
  }
  const rank = all.indexOf(own[index as number]);
  if (all.length === 1) return undefined;
  return claim('TF_CONFIG', readAddress(all[0] ?? '', "TF_CONFIG's first address"), rank, all.length);
}

function addresses(cluster: Record<string, unknown>, name: string): readonly string[] {
  const list = cluster[name] ?? [];
  if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list;
  throw new UserError(`TF_CONFIG's cluster.${name} must be a list of HOST:PORT.`);
}

/** Slurm: one task on each node, started by srun; a batch script's own commands run on the first node alone. */
function slurmClaim(environment: Environment): Claim | undefined {
  const { SLURM_STEP_ID, SLURM_NODEID, SLURM_NNODES, SLURM_STEP_NUM_NODES } = environment;
  if (!SLURM_STEP_ID || !SLURM_NODEID || !(SLURM_STEP_NUM_NODES || SLURM_NNODES)) return undefined;
  const machines = count(environment, SLURM_STEP_NUM_NODES ? 'SLURM_STEP_NUM_NODES' : 'SLURM_NNODES', 1);
  const tasksName = environment.SLURM_STEP_NUM_TASKS ? 'SLURM_STEP_NUM_TASKS' : 'SLURM_NTASKS';
  const tasks = environment[tasksName] ? count(environment, tasksName, 1) : machines;
  if (tasks > machines) {
    throw new UserError(
      `srun starts ${tasks} tasks on ${machines} ${machines === 1 ? 'node' : 'nodes'} (${tasksName}); start one on each (--ntasks-per-node=1), and set --workers.`,
    );
  }
  if (machines === 1) return undefined;
  const rank = count(environment, 'SLURM_NODEID', 0, machines - 1);
  const listName = environment.SLURM_STEP_NODELIST ? 'SLURM_STEP_NODELIST' : 'SLURM_JOB_NODELIST';
  const list = environment[listName] ?? '';
  const host = firstNode(list);
  if (host === undefined) throw new UserError(`${listName} must be a node list as node[01-03,07], got '${list}'.`);
  // A port of the job's own, since Slurm gives none.
  const job = count(environment, environment.SLURM_JOB_ID ? 'SLURM_JOB_ID' : 'SLURM_JOBID', 0);
  return claim(listName, { host, port: 20_000 + (job % 10_000) }, rank, machines);
}

const claim = (source: string, coordinator: Address, rank: number, machines: number): Claim => ({
  source,
  coordinator,
  isFirst: rank === 0,
  machines,
});

const nextPort = (port: number): number => (port < 65535 ? port + 1 : port - 1);

function count(environment: Environment, name: string, least: number, most = 2 ** 31 - 1): number {
  const text = environment[name] ?? '';
  const value = decimal(text) ?? Number.NaN;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const range = most === 2 ** 31 - 1 ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new UserError(`${name} must be a whole number ${range}, got '${text}'.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
