import type { JournalEvent } from './event';
import { orderedEvents } from './ordered-events';

const event = (time: number): JournalEvent => ({ time, type: 'tags', tags: {} });

function recorder() {
  const times: number[] = [];
  return { times, events: orderedEvents({ append: ({ time }) => times.push(time) }) };
}

test('what is known at once is written at once', () => {
  const { times, events } = recorder();
  events.append(event(1));
  expect(times).toEqual([1]);
});

test('what is known later keeps its place, and whatever comes after waits for it', async () => {
  const { times, events } = recorder();
  let tell: (known: JournalEvent) => void = () => undefined;
  const second = new Promise<JournalEvent>((resolve) => {
    tell = resolve;
  });
  events.append(event(1));
  events.later(second);
  events.later(Promise.resolve(event(3)));
  events.append(event(4));
  await new Promise(setImmediate);
  expect(times).toEqual([1]);
  tell(event(2));
  await events.settled();
  expect(times).toEqual([1, 2, 3, 4]);
  events.append(event(5));
  expect(times).toEqual([1, 2, 3, 4, 5]);
});

test('in the place of what fails is what was said to be there otherwise, and nothing of what turns out to be none', async () => {
  const { times, events } = recorder();
  events.later(Promise.reject(new Error('no such file')), event(1));
  events.later(Promise.reject(new Error('no such file')));
  events.later(Promise.resolve(undefined), event(2));
  events.append(event(3));
  await events.settled();
  expect(times).toEqual([1, 3]);
});

test('a process that ends before all is known writes what it can, in order', () => {
  const { times, events } = recorder();
  const before = process.listeners('exit');
  events.later(new Promise(() => undefined), event(1));
  events.later(new Promise(() => undefined));
  events.append(event(3));
  const [atExit, ...rest] = process.listeners('exit');
  expect(rest).toEqual(before);
  atExit?.(0);
  process.off('exit', atExit as NodeJS.ExitListener);
  expect(times).toEqual([1, 3]);
});
