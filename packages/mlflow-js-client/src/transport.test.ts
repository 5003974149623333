import { startClock } from './transport';

afterEach(() => jest.useRealTimers());

test('a stopped clock cannot be restarted, for example by a body whose answer came early', () => {
  jest.useFakeTimers();
  const clock = startClock(1000);
  clock.restart();
  expect(jest.getTimerCount()).toBe(1);
  clock.stop();
  clock.restart();
  expect(jest.getTimerCount()).toBe(0);
});
