import { type KeptPoints, keptPoints, type Point } from './kept-points';

const point = (step: number): Point => ({ values: { loss: step / 2 }, step });
const points = (from: number, end: number) => Array.from({ length: end - from }, (_, i) => point(from + i));

/** Members that exchange values as the coordinator lets them do; the first is home. */
function group(count: number) {
  const tracked: Point[] = [];
  const flushed: number[] = [];
  let waiting: { task: number; value: unknown; resolve: (all: ReadonlyMap<number, unknown>) => void }[] = [];
  const members = Array.from({ length: count }, (_, task) =>
    keptPoints({
      isHome: task === 0,
      task,
      tracker: {
        metrics: (values, step) => void tracked.push({ values, step }),
        flush: async () => void flushed.push(tracked.length),
      },
      exchange: (value) =>
        new Promise((resolve) => {
          waiting.push({ task, value, resolve });
          if (waiting.length < count) return;
          const all = new Map(waiting.map((one) => [one.task, one.value]));
          for (const one of waiting) one.resolve(all);
          waiting = [];
        }),
    }),
  );
  return { tracked, flushed, members: members as [KeptPoints, KeptPoints, KeptPoints] };
}

test('home gets all points in order, whatever their number, and has them on the disk before they are forgotten', async () => {
  const { tracked, flushed, members } = group(3);
  const [, root] = members;
  for (const one of points(0, 2500)) root.track(one, false);
  const shared = await Promise.all(members.map((one) => one.of(1, root.count())));
  for (const one of shared) expect(one).toEqual(points(0, 2500));
  for (const [task, one] of members.entries()) one.replace(shared[task] as readonly Point[]);
  await Promise.all(members.map((one) => one.writeDown()));
  expect(tracked).toEqual(points(0, 2500));
  expect(flushed).toEqual([2500]);
  expect(members.map((one) => one.count())).toEqual([0, 0, 0]);
});

test('while home is here it tracks at once, and the others keep the newest points', async () => {
  const { tracked, members } = group(2);
  for (const one of points(0, 1500)) for (const member of members) member.track(one, true);
  expect(tracked).toEqual(points(0, 1500));
  expect(members[0].count()).toBe(0);
  const [own] = await Promise.all(members.map((member) => member.of(1, members[1].count())));
  expect(own).toEqual(points(500, 1500));
});
