import type { JournalEvent } from './event';
import { orderedEvents } from './ordered-events';

const event = (time: number): JournalEvent => ({ time, type: 'tags', tags: {} });

function recorder() {
  const times: number[] = [];
  return { times, events: orderedEvents({ append: ({ time }) => times.push(time) }) };
}

test('writes a known event at once', () => {
  const { times, events } = recorder();
  events.append(event(1));
  expect(times).toEqual([1]);
});

test('events after a later event wait for it', async () => {
  const { times, events } = recorder();
  let resolveSecond: (known: JournalEvent) => void = () => undefined;
  const second = new Promise<JournalEvent>((resolve) => {
    resolveSecond = resolve;
  });
  events.append(event(1));
  events.later(second);
  events.later(Promise.resolve(event(3)));
  events.append(event(4));
  await new Promise(setImmediate);
  expect(times).toEqual([1]);
  resolveSecond(event(2));
  await events.settled();
  expect(times).toEqual([1, 2, 3, 4]);
  events.append(event(5));
  expect(times).toEqual([1, 2, 3, 4, 5]);
});

test('writes the fallback of an event that fails, and nothing for undefined', async () => {
  const { times, events } = recorder();
  events.later(Promise.reject(new Error('no such file')), event(1));
  events.later(Promise.reject(new Error('no such file')));
  events.later(Promise.resolve(undefined), event(2));
  events.append(event(3));
  await events.settled();
  expect(times).toEqual([1, 3]);
});

test('at the exit of the process writes known events and fallbacks in order', () => {
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
