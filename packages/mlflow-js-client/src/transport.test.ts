import { startClock } from './transport';

afterEach(() => jest.useRealTimers());

test('a clock that was stopped is not started again, as by a body whose answer came before its end: it would keep the process', () => {
  jest.useFakeTimers();
  const clock = startClock(1000);
  clock.restart();
  expect(jest.getTimerCount()).toBe(1);
  clock.stop();
  clock.restart();
  expect(jest.getTimerCount()).toBe(0);
});
