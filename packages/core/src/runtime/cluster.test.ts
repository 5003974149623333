import { createServer } from 'node:net';
import { type ClusterProcess, type Failure, freePort, startProcesses } from '../../test/cluster-process';
import { enableCollectives, inOrderOfParts } from './cluster';

const together = <T>(processes: readonly ClusterProcess[], command: string, ...args: readonly unknown[]) =>
  Promise.all(processes.map((process) => process.ask<T>(command, ...args)));
const failureOf = (asked: Promise<unknown>): Promise<Failure> =>
  asked.then(
    () => {
      throw new Error('It succeeded.');
    },
    (error: Failure) => error,
  );
const enable = async (generation: number, processes: readonly ClusterProcess[]) => {
  for (const process of processes) await process.enable(generation, processes);
};
type Values = Readonly<Record<string, readonly number[]>>;
const times = (factor: number, values: readonly number[]) => values.map((value) => factor * value);
const [four, eight] = [
  [1, 2, 3, 4],
  [1, 2, 3, 4, 5, 6, 7, 8],
];

describe('three processes', () => {
  let all: ClusterProcess[] = [];
  let [a, b, c]: ClusterProcess[] = [];
  beforeAll(async () => {
    all = await startProcesses(3);
    [a, b, c] = all;
  }, 120_000);
  afterAll(() => Promise.all(all.map((process) => process.end())));
  const pair = () => [a, b] as [ClusterProcess, ClusterProcess];

  test('two members get the same sums, maxima, rows and parts', async () => {
    const [a, b] = pair();
    await enable(1, [a, b]);
    const run = (step: string) => Promise.all([a.ask<Values>('run', step, 1), b.ask<Values>('run', step, 10)]);
    const sums = await run('train');
    expect(sums[0]).toEqual({ sum: times(11, eight), float: times(22, eight), half: times(11, eight) });
    expect(sums[1]).toEqual(sums[0]);
    const others = await run('others');
    expect(others[0]).toEqual({
      max: times(10, eight),
      table: times(11, eight),
      gather: [...four, ...times(10, four)],
    });
    expect(others[1]).toEqual(others[0]);
    const [first, second] = await run('pairs');
    expect(first?.parts).toEqual([1, 2, 10, 20]);
    expect(second?.parts).toEqual([3, 4, 30, 40]);
    expect(first?.product?.slice(0, 4)).toEqual([5, 11, 50, 110]);
  });

  test('one member sends its state to the others', async () => {
    const [a, b] = pair();
    const [sent, received] = await Promise.all([a.ask<Values>('run', 'send'), b.ask<Values>('run', 'receive')]);
    expect(received).toEqual(sent);
    expect(received?.w).toEqual(times(22, eight));
  });

  test('an abort frees a step that waits, and leaves the state as it was until the next enabling', async () => {
    const [a, b] = pair();
    const before = await a.ask('digest');
    const waiting = failureOf(a.ask('run', 'train', 1));
    await a.ask('abort', 'the other one sleeps');
    for (const failure of [await waiting, await failureOf(a.ask('run', 'train', 1))]) {
      expect(failure).toMatchObject({ kind: 'LostPeers', code: 14, lost: true });
      expect(failure.message).toContain('the other one sleeps');
    }
    expect(await a.ask('digest')).toBe(before);
    await enable(2, [a, b]);
    await together([a, b], 'run', 'train', 1);
    expect(await a.ask('digest')).not.toBe(before);
  });

  test('three members run the steps that two compiled, on the state that two had', async () => {
    const recordings = await a?.ask('recordings');
    const before = await a?.ask('digest');
    await enable(3, all);
    expect(await a?.ask('digest')).toBe(before);
    const sums = await together<Values>(all, 'run', 'train', 2);
    for (const { sum } of sums) expect(sum).toEqual(times(6, eight));
    expect(await a?.ask('recordings')).toBe(recordings);
  });

  test('thirty memberships of two or three, most of them aborted in a step, end no process', async () => {
    for (let i = 0; i < 30; i++) {
      const members = all.filter((_, task) => i % 4 === 0 || task !== i % 3);
      await enable(10 + i, members);
      const steps = members.map((process) => process.ask('run', 'train', 1).catch((error: Failure) => error));
      if (i % 3 > 0) await together(members, 'abort', 'the members change');
      for (const result of await Promise.all(steps)) {
        if (result instanceof Object && 'kind' in result) expect(result).toMatchObject({ kind: 'LostPeers', code: 14 });
      }
    }
    await enable(50, all);
    const before = await a?.ask('recordings');
    for (const { sum } of await together<Values>(all, 'run', 'train', 2)) expect(sum).toEqual(times(6, eight));
    expect(await a?.ask('recordings')).toBe(before);
  });

  test('a killed member makes the steps of the others reject, with their state as it was; they go on as two', async () => {
    const rest = [a, c] as [ClusterProcess, ClusterProcess];
    const before = await together(rest, 'digest');
    const waiting = rest.map((process) => failureOf(process.ask('run', 'train', 1)));
    await b?.end();
    for (const failure of await Promise.all(waiting)) expect(failure).toMatchObject({ kind: 'LostPeers', lost: true });
    expect(await together(rest, 'digest')).toEqual(before);
    await enable(51, rest);
    const sums = await together<Values>(rest, 'run', 'train', 3);
    for (const { sum } of sums) expect(sum).toEqual(times(6, eight));
  });

  test('one member runs all steps alone', async () => {
    await enable(52, all.slice(2));
    expect(await c?.ask('run', 'train', 3)).toMatchObject({ sum: times(3, eight) });
    expect(await c?.ask('run', 'others', 3)).toEqual({
      max: times(3, eight),
      table: times(3, eight),
      gather: times(3, four),
    });
    expect(await c?.ask('run', 'send')).toHaveProperty('w');
  });

  test('a process keeps its task and its address', async () => {
    const members = [{ task: 2, address: `127.0.0.1:${await freePort()}` }];
    const { message } = await failureOf(c?.ask('enable', { generation: 53, members }, 2) ?? Promise.resolve());
    expect(message).toContain('for life');
  });

  test('steps that fail and steps that succeed leave no tensors', async () => {
    const before = await c?.ask('handles');
    await c?.ask('run', 'train', 3);
    await c?.ask('abort', 'once more');
    await failureOf(c?.ask('run', 'train', 3) ?? Promise.resolve());
    expect(await c?.ask('handles')).toBe(before);
  });
});

test('a taken port is an error that names it, and another port works; variables made before are refused', async () => {
  const [first, second] = await startProcesses(2);
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(Number(first?.member.address.split(':')[1]), '0.0.0.0', resolve));
  try {
    const { kind, message } = await failureOf(first?.enable(1, [first]) ?? Promise.resolve());
    expect(kind).toBe('UserError');
    expect(message).toContain(`cannot listen on ${first?.member.address}`);
    const members = [{ task: 0, address: `127.0.0.1:${await freePort()}` }];
    await first?.ask('enable', { generation: 1, members }, 0);
    expect(await first?.ask('run', 'train', 1)).toMatchObject({ sum: eight });

    await second?.ask('programFirst');
    const early = await failureOf(second?.enable(1, [second]) ?? Promise.resolve());
    expect(early.message).toContain('before the first program');
  } finally {
    taken.close();
    await Promise.all([first?.end(), second?.end()]);
  }
}, 120_000);

test('a membership without order, generation or this process is refused', () => {
  const members = [
    { task: 1, address: '127.0.0.1:1' },
    { task: 0, address: '127.0.0.1:2' },
  ];
  expect(() => enableCollectives({ generation: 1, members }, 0)).toThrow('ascending');
  expect(() => enableCollectives({ generation: 0, members: members.slice(1) }, 0)).toThrow('generation');
  expect(() => enableCollectives({ generation: 1, members: members.slice(1) }, 1)).toThrow('tasks 0');
});

test('gathered rows are in the order of parts, with tasks of one digit and of two', async () => {
  const all = await startProcesses(3, [2, 9, 10]);
  try {
    const membership = { generation: 1, members: all.map(({ member }) => member) };
    await enable(1, all);
    const gathered = await Promise.all(all.map((process) => process.ask<Values>('run', 'others', process.member.task)));
    const order = inOrderOfParts(membership).map(({ task }) => task);
    expect(order).toEqual([10, 2, 9]);
    for (const { gather } of gathered) {
      expect(gather).toEqual(order.flatMap((task) => times(task, four)).slice(0, 8));
    }
  } finally {
    await Promise.all(all.map((process) => process.end()));
  }
}, 120_000);
