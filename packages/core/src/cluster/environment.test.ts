import { placeOf } from './environment';
import { firstNode } from './node-list';

const tfConfig = (
  type: string,
  index: number,
  cluster: object = { worker: ['job-worker-0.ns:2222', 'job-worker-1.ns:2222'] },
) => ({
  TF_CONFIG: JSON.stringify({ cluster, task: { type, index }, environment: 'cloud' }),
});

/** What torchrun 2.x sets for its process, with `--nnodes=2 --nproc-per-node=1`. */
const torchrun = (rank: number) => ({
  LOCAL_RANK: '0',
  RANK: String(rank),
  GROUP_RANK: String(rank),
  ROLE_RANK: String(rank),
  LOCAL_WORLD_SIZE: '1',
  WORLD_SIZE: '2',
  GROUP_WORLD_SIZE: '2',
  MASTER_ADDR: 'node1',
  MASTER_PORT: '29500',
  TORCHELASTIC_RESTART_COUNT: '0',
  TORCHELASTIC_MAX_RESTARTS: '0',
  TORCHELASTIC_RUN_ID: 'none',
  TORCHELASTIC_USE_AGENT_STORE: 'True',
});

/** Kubeflow's PyTorchJob. */
const pyTorchJob = (rank: number) => ({
  MASTER_ADDR: 'job-master-0',
  MASTER_PORT: '23456',
  WORLD_SIZE: '3',
  RANK: String(rank),
  PET_NNODES: '3',
  PET_NODE_RANK: String(rank),
  PET_MASTER_ADDR: 'job-master-0',
  PET_MASTER_PORT: '23456',
  PET_NPROC_PER_NODE: 'auto',
});

/** Kubeflow Trainer v2. */
const trainer = (rank: number) => ({
  PET_NNODES: '4',
  PET_NPROC_PER_NODE: '1',
  PET_NODE_RANK: String(rank),
  PET_MASTER_ADDR: 'job-node-0-0.job',
  PET_MASTER_PORT: '29400',
});

const slurm = (node: number) => ({
  SLURM_JOB_ID: '1234567',
  SLURM_STEP_ID: '0',
  SLURM_NODEID: String(node),
  SLURM_NNODES: '4',
  SLURM_NTASKS: '4',
  SLURM_PROCID: String(node),
  SLURM_LOCALID: '0',
  SLURM_JOB_NODELIST: 'node[07,09-11]',
  SLURM_STEP_NODELIST: 'node[07,09-11]',
});

const first = (source: string, host: string, port: number, machines: number) => ({
  kind: 'first',
  listen: { host, port },
  machines,
  source,
});
const joins = (source: string, host: string, port: number) => ({ kind: 'joins', coordinator: { host, port }, source });

test.each([
  ['nothing', {}, {}, { kind: 'alone' }],
  ['--join', { join: '10.0.0.1:7000' }, {}, joins('--join', '10.0.0.1', 7000)],
  ['--join, IPv6', { join: '[fd00::1]:7000' }, {}, joins('--join', 'fd00::1', 7000)],
  ['--listen', { listen: '10.0.0.1:7000' }, {}, first('--listen', '10.0.0.1', 7000, 1)],
  // torchrun has the port itself.
  ['torchrun, first', {}, torchrun(0), first('MASTER_ADDR', 'node1', 29501, 2)],
  ['torchrun, second', {}, torchrun(1), joins('MASTER_ADDR', 'node1', 29501)],
  ['PyTorchJob, first', {}, pyTorchJob(0), first('MASTER_ADDR', 'job-master-0', 23456, 3)],
  ['PyTorchJob, third', {}, pyTorchJob(2), joins('MASTER_ADDR', 'job-master-0', 23456)],
  ['Kubeflow Trainer, first', {}, trainer(0), first('PET_MASTER_ADDR', 'job-node-0-0.job', 29400, 4)],
  ['Kubeflow Trainer, second', {}, trainer(1), joins('PET_MASTER_ADDR', 'job-node-0-0.job', 29400)],
  [
    'Kubeflow Trainer, elastic',
    {},
    { ...trainer(1), PET_NNODES: '1:3' },
    joins('PET_MASTER_ADDR', 'job-node-0-0.job', 29400),
  ],
  ['TFJob, worker 0', {}, tfConfig('worker', 0), first('TF_CONFIG', 'job-worker-0.ns', 2222, 2)],
  ['TFJob, worker 1', {}, tfConfig('worker', 1), joins('TF_CONFIG', 'job-worker-0.ns', 2222)],
  ['TFJob, chief', {}, tfConfig('chief', 0, { chief: ['c:1'], worker: ['w:1'] }), first('TF_CONFIG', 'c', 1, 2)],
  [
    'TFJob, worker 0 beside a chief',
    {},
    tfConfig('worker', 0, { chief: ['c:1'], worker: ['w:1'] }),
    joins('TF_CONFIG', 'c', 1),
  ],
  ['Slurm, first', {}, slurm(0), first('SLURM_STEP_NODELIST', 'node07', 24567, 4)],
  ['Slurm, third', {}, slurm(2), joins('SLURM_STEP_NODELIST', 'node07', 24567)],
  ['a batch script on the first node', {}, { ...slurm(0), SLURM_STEP_ID: undefined }, { kind: 'alone' }],
  ['one machine: torchrun', {}, { ...torchrun(0), WORLD_SIZE: '1' }, { kind: 'alone' }],
  ['one machine: Slurm', {}, { ...slurm(0), SLURM_NNODES: '1', SLURM_NTASKS: '1' }, { kind: 'alone' }],
  ['one machine: TFJob', {}, tfConfig('worker', 0, { worker: ['w:1'] }), { kind: 'alone' }],
  ['two that agree', {}, { ...slurm(1), ...torchrun(1), MASTER_ADDR: 'node07' }, joins('MASTER_ADDR', 'node07', 29501)],
  ['--listen and an environment', { listen: '0.0.0.0:7000' }, slurm(0), first('--listen', '0.0.0.0', 7000, 4)],
])('%s', (_name, options, environment, expected) => {
  expect(placeOf(options, environment)).toEqual(expected);
});

test.each([
  [{ join: 'node1' }, {}, "--join must be HOST:PORT with a port from 1 to 65535, got 'node1'."],
  [{ join: 'node1:70000' }, {}, "--join must be HOST:PORT with a port from 1 to 65535, got 'node1:70000'."],
  [
    { join: 'a:1', listen: 'b:1' },
    {},
    '--listen is for the first machine and --join for the others: give one of them.',
  ],
  [{ join: 'other:1' }, torchrun(1), '--join names the first machine other, and MASTER_ADDR node1: unset one of them.'],
  [
    { join: 'node1:1' },
    torchrun(0),
    'MASTER_ADDR says that this machine is the first, and --join that it is not: unset one of them.',
  ],
  [
    { listen: '0.0.0.0:1' },
    slurm(1),
    '--listen makes this machine the first, and SLURM_STEP_NODELIST says that node07:24567 is.',
  ],
  [
    {},
    { ...slurm(0), ...torchrun(0) },
    'MASTER_ADDR names the first machine node1, and SLURM_STEP_NODELIST node07: unset one of them.',
  ],
  [
    {},
    { ...slurm(1), ...torchrun(0) },
    'MASTER_ADDR says that this machine is the first, and SLURM_STEP_NODELIST that it is not: unset one of them.',
  ],
  [{}, { ...torchrun(0), RANK: '2' }, "RANK must be a whole number from 0 to 1, got '2'."],
  [{}, { ...torchrun(0), WORLD_SIZE: 'two' }, "WORLD_SIZE must be a whole number of at least 1, got 'two'."],
  [{}, { ...torchrun(0), MASTER_PORT: undefined }, "MASTER_PORT must be a whole number from 1 to 65535, got ''."],
  [
    {},
    { ...torchrun(0), LOCAL_WORLD_SIZE: '2' },
    'torchrun starts 2 processes on this machine (LOCAL_WORLD_SIZE); start one (--nproc-per-node=1), and set --workers.',
  ],
  [{}, { ...trainer(0), PET_NNODES: '3:2' }, "PET_NNODES must be a number of machines, or two as 2:4, got '3:2'."],
  [{}, { ...trainer(0), PET_MASTER_ADDR: '' }, 'PET_MASTER_ADDR is missing beside PET_NNODES and PET_NODE_RANK.'],
  [{}, { TF_CONFIG: '{' }, 'TF_CONFIG must be JSON with the objects cluster and task.'],
  [{}, { TF_CONFIG: '[]' }, 'TF_CONFIG must be JSON with the objects cluster and task.'],
  [{}, tfConfig('worker', 2), 'TF_CONFIG gives this machine the task worker 2, which its cluster lacks.'],
  [
    {},
    tfConfig('ps', 0, { ps: ['p:1'], worker: ['w:1'] }),
    "TF_CONFIG gives this machine the task 'ps', and headshare has the tasks chief and worker.",
  ],
  [{}, tfConfig('worker', 0, { worker: 'w:1' }), "TF_CONFIG's cluster.worker must be a list of HOST:PORT."],
  [
    {},
    tfConfig('worker', 0, { worker: ['w', 'v'] }),
    "TF_CONFIG's first address must be HOST:PORT with a port from 1 to 65535, got 'w'.",
  ],
  [
    {},
    { ...slurm(0), SLURM_STEP_NODELIST: 'node[' },
    "SLURM_STEP_NODELIST must be a node list as node[01-03,07], got 'node['.",
  ],
  [
    {},
    { ...slurm(0), SLURM_NTASKS: '8' },
    'srun starts 8 tasks on 4 nodes (SLURM_NTASKS); start one on each (--ntasks-per-node=1), and set --workers.',
  ],
])('%j with %j is refused', (options, environment, message) => {
  expect(() => placeOf(options, environment)).toThrow(expect.objectContaining({ message, exitCode: 2 }));
});

test.each([
  ['node1', 'node1'],
  ['node[01-03,07]', 'node01'],
  ['node[07,09-11],other[1-2]', 'node07'],
  ['a-b.c,d', 'a-b.c'],
  ['rack[2-3]node[4,5]', 'rack2node4'],
  ['n[1-2]-ib', 'n1-ib'],
  ['', undefined],
  ['node[', undefined],
  ['node[a-b]', undefined],
  [',a', undefined],
])('the first node of %j is %j', (list, node) => {
  expect(firstNode(list)).toBe(node);
});
