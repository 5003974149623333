import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listArtifacts } from 'mlflow-js-client';
import { serverOfTests } from '../../../test/mlflow-server';
import { expectAllOnServer } from '../../../test/recorded-run';
import { stream } from '../../system/random';
import { openJournal } from '../journal/journal';
import { destinationOf } from './destination';
import { journalSync } from './journal-sync';
import { startSender } from './sender';

/** The number of times that the test kills the server; increase it for a long test. */
const kills = Number(process.env.HEADSHARE_KILLS ?? 3);

const server = serverOfTests();

/** Logs a run until `finish`, so fast that a request is almost always active. */
function logSteadily(file: string) {
  const warnings: string[] = [];
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  const warn = (sentence: string) => void warnings.push(sentence);
  const journal = openJournal(file, warn);
  const append = (event: object) => journal.append({ time: Date.now(), ...event } as never);
  append({ type: 'start', id: 'killed', experiment: 'headshare/face', name: 'killed' });
  append({ type: 'params', params: { method: 'th-kd', epochs: '3' } });
  const sender = startSender(file, destinationOf(server.uri), warn, {
    interval: 10,
    firstInterval: 10,
    longestPause: 100,
  });
  let step = 0;
  const log = () => {
    append({ type: 'metrics', step, values: { loss: 1 / (step + 1), accuracy: step / 7, odd: Number.NaN } });
    if (step % 50 === 0) append({ type: 'tags', tags: { [`tag ${step}`]: `${step}`, last: `${step}` } });
    if (step % 200 === 0) {
      writeFileSync(join(folder, `${step}.txt`), `${step}`.repeat(1000));
      append({ type: 'artifact', path: `${step}.txt`, folder: 'pictures' });
    }
    step++;
    if (step % 20 === 0) journal.flush();
  };
  const timer = setInterval(log, 5);
  return {
    warnings,
    finish: async () => {
      clearInterval(timer);
      append({ type: 'finish', status: 'FINISHED' });
      await journal.close();
      return { steps: step, ...(await sender.finish(60_000)) };
    },
  };
}

test(
  `a server that is killed ${kills} times at random moments finally has the whole run, without duplicates`,
  async () => {
    const file = join(server.folder, 'runs/killed/journal.jsonl');
    const random = stream(1, 'server kills');
    const run = logSteadily(file);
    for (let kill = 0; kill < kills; kill++) {
      await sleep(1500 * random.float());
      server.kill();
      await server.start();
    }
    const { steps, problem, refused } = await run.finish();
    expect(run.warnings).toHaveLength(1);
    expect(refused).toEqual([]);
    // `finish` does not wait for a slow server, but sending again does.
    if (problem) await journalSync(file, destinationOf(server.uri)).send(AbortSignal.timeout(60_000));

    const { info } = await expectAllOnServer(server.uri, file);
    const pictures = await listArtifacts(connect(server.uri), info.run_id, 'pictures');
    const expected = Array.from({ length: Math.ceil(steps / 200) }, (_, i) => ({
      path: `pictures/${200 * i}.txt`,
      is_dir: false,
      file_size: 1000 * `${200 * i}`.length,
    }));
    expect(pictures).toHaveLength(expected.length);
    expect(pictures).toEqual(expect.arrayContaining(expected));
  },
  120_000 + 60_000 * kills,
);
