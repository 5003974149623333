import { connect as connectPlainly } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { clusterOfProcesses } from '../../test/cluster-processes';
import { expectedSum } from '../../test/cluster-worker';
import { addressText } from './addresses';
import type { Coordinator } from './coordinator';
import { joinCluster } from './join';
import { RunFinished, TrainingFinished } from './lost';
import type { Member } from './member';
import { ciphers, identity, keyOf } from './secret';

const cluster = clusterOfProcesses();
const members: Member[] = [];
// Before the coordinator of the test closes.
afterEach(async () => {
  for (const member of members.splice(0)) await member.close();
});

async function member(coordinator: Coordinator, isHome: boolean, token = 'secret'): Promise<Member> {
  const joined = await joinCluster({ coordinator: coordinator.address, token, isHome, threads: 1 });
  members.push(joined);
  return joined;
}

/** What a raw connection is answered until it is closed. */
function answered(
  socket: TLSSocket | ReturnType<typeof connectPlainly>,
  sent: string,
  isSecure = true,
): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on(isSecure ? 'secureConnect' : 'connect', () => socket.write(sent));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

const secure = ({ address: { host, port } }: Coordinator, token: string): TLSSocket =>
  connect({
    host,
    port,
    ciphers,
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ identity, psk: keyOf(token) }),
    checkServerIdentity: () => undefined,
  });

const form = (one: Member) => one.reform(() => undefined);

test('strangers, garbage and oversized lines do not disturb those who work', async () => {
  const coordinator = await cluster.start({ expected: 1 });
  const { host, port } = coordinator.address;
  const home = await member(coordinator, true);
  await home.enter('training', {});
  const { generation } = await form(home);
  const plain = connectPlainly({ host, port });
  expect(await answered(plain, 'GET / HTTP/1.1\r\n\r\n', false)).not.toContain('welcome');
  expect(await answered(secure(coordinator, 'wrong'), '{"type":"ping"}\n')).toBe('');
  for (const [sent, why] of [
    ['hello\n', 'it is no JSON object'],
    ['{"type":"ping"}\n', 'it says no hello'],
    [`{"type":"hello","session":"${'x'.repeat(5000)}`, 'a line has more than 4096 characters'],
  ]) {
    const answer = await answered(secure(coordinator, 'secret'), sent ?? '');
    expect(JSON.parse(answer)).toEqual({
      type: 'refused',
      why: `the coordinator does not understand a message: ${why}`,
    });
  }
  expect(coordinator.workers()).toHaveLength(1);
  expect(home.changing).toBe(false);
  expect(await home.exchange('a', 1)).toEqual(new Map([[0, 1]]));
  expect(generation).toBe(1);
});

test('another token is one sentence', async () => {
  const coordinator = await cluster.start();
  await expect(member(coordinator, false, 'wrong')).rejects.toMatchObject({
    exitCode: 1,
    message: `The coordinator at ${addressText(coordinator.address)} refuses this worker: HEADSHARE_CLUSTER_TOKEN must be the same on all machines, and a run of headshare must listen there.`,
  });
});

test('a second home is refused', async () => {
  const coordinator = await cluster.start();
  await member(coordinator, true);
  await expect(member(coordinator, true)).rejects.toThrow(
    'The coordinator refuses this worker: the run has a home worker already.',
  );
});

test('parts that differ from home are named, and the others go on', async () => {
  const coordinator = await cluster.start({ expected: 1 });
  const [home, same, other] = [
    await member(coordinator, true),
    await member(coordinator, false),
    await member(coordinator, false),
  ];
  // Nobody knows the right parts before home comes.
  const entering = [
    same.enter('training', { data: 'a', options: 'x' }),
    other.enter('training', { data: 'a', options: 'y' }),
  ];
  const refusal = expect(entering[1]).rejects.toMatchObject({
    exitCode: 1,
    message:
      "This worker cannot take part in training: the part 'options' differs from the home worker's (y instead of x).",
  });
  await home.enter('training', { data: 'a', options: 'x' });
  await entering[0];
  await refusal;
  await other.close();
  const [membership] = await Promise.all([form(home), form(same)]);
  expect(membership.members).toHaveLength(2);
});

test('the notice board keeps the last value, for those who come later too', async () => {
  const coordinator = await cluster.start();
  const home = await member(coordinator, true);
  home.post('stage', 'a');
  home.post('stage', 'b');
  const late = await member(coordinator, false);
  expect(await late.read('stage')).toBe('b');
  const next = late.read('stage', (value) => value === 'c');
  home.post('stage', 'c');
  expect(await next).toBe('c');
  expect(late.peek('other')).toBeUndefined();
  expect(() => late.post('stage', 'd')).toThrow('only home posts');
});

test('who comes when home has finished is told so', async () => {
  const coordinator = await cluster.start();
  const [home, late] = [await member(coordinator, true), await member(coordinator, false)];
  await home.enter('first', {});
  await home.leave();
  await expect(late.enter('first', {})).rejects.toThrow(TrainingFinished);
  const waiting = expect(late.enter('second', {})).rejects.toThrow(RunFinished);
  await home.close();
  await waiting;
});

test('a waiting worker hears at once that home has skipped the training', async () => {
  const coordinator = await cluster.start({ expected: 3, patience: 3600 });
  const [home, other] = [await member(coordinator, true), await member(coordinator, false)];
  await Promise.all([home.enter('training', {}), other.enter('training', {})]);
  const waiting = form(other);
  await home.leave();
  await expect(waiting).rejects.toThrow(TrainingFinished);
});

test('who is left when home has finished the training is told so', async () => {
  const coordinator = await cluster.start({ expected: 2 });
  const [home, other] = [await member(coordinator, true), await member(coordinator, false)];
  await Promise.all([home, other].map((one) => one.enter('training', {})));
  await Promise.all([form(home), form(other)]);
  await home.leave();
  await expect(form(other)).rejects.toThrow(TrainingFinished);
  // It may take part in the next training.
  await Promise.all([home, other].map((one) => one.enter('next', {})));
  expect((await Promise.all([form(home), form(other)]))[0].members).toHaveLength(2);
});

test('a port that is taken: another one is tried, and the others hear of it', async () => {
  await cluster.start({ expected: 2 });
  const home = cluster.worker(0, { steps: 20 });
  const unlucky = cluster.worker(1, { steps: 20, takenPorts: 2 });
  expect(await home.line('done')).toMatchObject({ sum: expectedSum(20) });
  expect(await unlucky.ended).toBe(0);
  const { address } = await unlucky.line('joined');
  expect((await unlucky.line('enable')).address).not.toBe(address);
});

test('home stays away: the others end with one sentence', async () => {
  const coordinator = await cluster.start({ expected: 2, patience: 1 });
  const home = cluster.worker(0, { steps: 100_000 });
  const other = await member(coordinator, false);
  await other.enter('training', { data: 'a' });
  await form(other);
  const changes: boolean[] = [];
  other.onChange((now) => changes.push(now));
  home.child.kill('SIGKILL');
  await home.ended;
  await expect(form(other)).rejects.toMatchObject({
    exitCode: 1,
    message:
      "The home worker, which keeps the run's files, has been away for 1 s. Run the same command again to resume.",
  });
  expect(changes).toContain(true);
});

test('home stops before the end: the others fail, and do not take the run for finished', async () => {
  const coordinator = await cluster.start({ expected: 2 });
  const home = await member(coordinator, true);
  const other = await member(coordinator, false);
  const waiting = other.read('never').catch((error: unknown) => error);
  await home.close('stopped');
  expect(await waiting).toMatchObject({
    name: 'UserError',
    exitCode: 1,
    message: 'The first worker has stopped before the end of the run. Run the same command again to resume.',
  });
});

test('home is replaced by a fresh process: the others wait for it', async () => {
  const coordinator = await cluster.start({ expected: 2, bringsHomeBack: () => true });
  const home = await member(coordinator, true);
  const other = await member(coordinator, false);
  const read = other.read('board');
  await home.close('returns');
  const next = await member(coordinator, true);
  next.post('board', 7);
  expect(await read).toBe(7);
});

test('fewer workers than must be there wait for more, and say so', async () => {
  const coordinator = await cluster.start({ expected: 1, minWorkers: 2 });
  const home = await member(coordinator, true);
  await home.enter('training', {});
  const forming = form(home);
  const second = await member(coordinator, false);
  await second.enter('training', {});
  await form(second);
  expect((await forming).members.map(({ task }) => task)).toEqual([0, 1]);
  expect(cluster.log).toEqual(['Training waits: 1 worker is here, and --min-workers wants 2.']);
});

test('a collective that failed without a loss leads to another generation', async () => {
  const coordinator = await cluster.start({ expected: 2 });
  const both = [await member(coordinator, true), await member(coordinator, false)];
  await Promise.all(both.map((one) => one.enter('training', {})));
  const [{ generation }] = (await Promise.all(both.map(form))) as [Awaited<ReturnType<typeof form>>];
  const told = new Promise<boolean>((resolve) => both[1]?.onChange(resolve));
  const first = form(both[0] as Member);
  expect(await told).toBe(true);
  await form(both[1] as Member);
  expect((await first).generation).toBeGreaterThan(generation);
  expect(both.map(({ formings }) => formings)).toEqual([2, 2]);
});

test('another CPU or number of threads is a warning', async () => {
  const coordinator = await cluster.start();
  await member(coordinator, true);
  const other = await joinCluster({ coordinator: coordinator.address, token: 'secret', isHome: false, threads: 3 });
  members.push(other);
  expect(cluster.log).toEqual([
    "Worker 1 (127.0.0.1) has another number of threads than home ('3', home '1'): results are the same to rounding only.",
  ]);
});
