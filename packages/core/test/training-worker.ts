/** For tests: a worker of a tiny training, or without a coordinator all of it. Arguments: the case, home's folder, the teacher's. */
import { readAddress } from '../src/cluster/addresses';
import { joinCluster } from '../src/cluster/join';
import type { Member } from '../src/cluster/member';
import { LeftToHome } from '../src/cluster/stage-workers';
import { becomeWorker } from '../src/train/workers/become-worker';
import { temporaryFolder, trainTiny } from './tiny-training';
import { trainingCase } from './training-cases';

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Says, in a worker that is not home, when it has met the others and looks whether to meet again: before each step. */
const talkative = (member: Member): Member =>
  new Proxy(member, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key === 'changing' && value === false) say({ type: 'ready' });
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

async function main([name = '', folder = '', teacher = '']: readonly string[]): Promise<void> {
  const { HEADSHARE_WORKER = '', HEADSHARE_CLUSTER_TOKEN = '', HEADSHARE_WORKER_INDEX } = process.env;
  const isHome = HEADSHARE_WORKER_INDEX === '0';
  const coordinator = HEADSHARE_WORKER === '' ? undefined : readAddress(HEADSHARE_WORKER, 'HEADSHARE_WORKER');
  const token = HEADSHARE_CLUSTER_TOKEN;
  const joined = coordinator && (await joinCluster({ coordinator, token, isHome, threads: 1 }));
  say({ type: 'joined' });
  const member = joined && !isHome ? talkative(joined) : joined;
  if (member) await becomeWorker(member);
  const stopped = new AbortController();
  process.once('SIGTERM', () => stopped.abort());
  try {
    const { lines } = await trainTiny({
      ...trainingCase(name, teacher),
      folder: isHome ? folder : temporaryFolder(),
      ...(member && { workers: { member, stage: 'tiny', sums: 'exact' } }),
      signal: stopped.signal,
      tracker: {
        metrics: (values, step) => void say({ type: 'metrics', step, values }),
        flush: async () => undefined,
      },
    });
    say({ type: 'done', lines });
  } catch (error) {
    if (!stopped.signal.aborted && !(error instanceof LeftToHome)) throw error;
  }
  await member?.close();
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
