import { Writable } from 'node:stream';
import { makeProgress } from './progress';

/** A stream that collects its output, as a terminal of 40 columns or as a pipe. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  const sink = new Writable({
    write(chunk, _, done) {
      written.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(sink, { isTTY, columns: 40 }) as unknown as NodeJS.WriteStream, written };
}

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

const update = (done: number, text?: string) => ({ done, total: 1000, unit: 'images', ...(text && { text }) });

test('on a terminal, redraws one line within its width, and clears it', () => {
  const { stream: terminal, written } = stream(true);
  const progress = makeProgress('student', { stream: terminal });
  progress.clear();
  progress.update(update(100));
  jest.advanceTimersByTime(2000);
  progress.update(update(300));
  jest.advanceTimersByTime(50);
  progress.update(update(305));
  jest.advanceTimersByTime(1950);
  progress.update(update(500, 'epoch 1/2, loss 0.5'));
  progress.clear();
  progress.clear();
  expect(written).toEqual([
    '\r\x1b[2Kstudent: 30 %, 100 images/s, 7s left',
    '\r\x1b[2Kstudent: 50 %, 100 images/s, 5s left, e',
    '\r\x1b[2K',
  ]);
});

test('outside a terminal, prints a plain line every ten seconds', () => {
  const { stream: pipe, written } = stream(false);
  const progress = makeProgress('teacher', { stream: pipe });
  for (let second = 0; second <= 25; second++) {
    progress.update(update(second, 'loss 1.0'));
    jest.advanceTimersByTime(1000);
  }
  progress.clear();
  expect(written).toEqual([
    'teacher: 1 %, 1 images/s, 16m30s left, loss 1.0\n',
    'teacher: 2 %, 1 images/s, 16m20s left, loss 1.0\n',
  ]);
});

test("the rate excludes everything before the first update: a resumed run's past, the first step's compilation", () => {
  const { stream: pipe, written } = stream(false);
  const progress = makeProgress('student', { stream: pipe });
  jest.advanceTimersByTime(60_000);
  progress.update(update(500));
  jest.advanceTimersByTime(10_000);
  progress.update(update(600));
  expect(written).toEqual(['student: 50 %, 0 images/s\n', 'student: 60 %, 10 images/s, 40s left\n']);
});

test('formats long times in hours and minutes', () => {
  const { stream: pipe, written } = stream(false);
  const progress = makeProgress('student', { stream: pipe });
  progress.update({ done: 0, total: 100_000, unit: 'images' });
  jest.advanceTimersByTime(10_000);
  progress.update({ done: 100, total: 100_000, unit: 'images' });
  expect(written).toEqual(['student: 0 %, 10 images/s, 2h46m left\n']);
});
