/** For tests: a worker that embeds tiny images with others, or without a coordinator embeds all of them. Arguments: -, home's folder. */
import { joinCluster } from '@headshare/core/cluster/join';
import { RunFinished } from '@headshare/core/cluster/lost';
import { workerProcess } from '@headshare/core/cluster/worker-process';
import { buildNetwork } from '@headshare/core/nn/network';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { tinyImages, tinyNetwork } from '@headshare/core/test/tiny-training';
import { makeInference } from '@headshare/core/train/evaluation/inference';
import { becomeWorker } from '@headshare/core/train/workers/become-worker';
import { evaluateTogether } from '@headshare/core/train/workers/evaluate-together';
import { extractEmbeddings, helpToExtract } from '../src/ijb/embeddings/extract-embeddings';

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Not a divisor of a shard's images. */
const batchSize = 3;

async function main([, folder = '']: readonly string[]): Promise<void> {
  const place = workerProcess();
  const member = place && (await joinCluster({ ...place, threads: 1 }));
  if (member) await becomeWorker(member);
  const state = new State();
  const program = new Program(state);
  const images = tinyImages('faces', 120);
  const dataset = {
    ...images,
    async read(...args: Parameters<typeof images.read>) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return images.read(...args);
    },
  };
  const { signal } = new AbortController();
  const workers = member && { member, stage: 'tiny' };
  await evaluateTogether(workers, { program, name: 'embeddings', signal }, async (shared) => {
    const network = buildNetwork(state, 'network', tinyNetwork(), 1);
    const inference = makeInference(program, network, { batchSize, spread: shared.spread });
    const extraction = { dataset, inference, weights: 'tiny', shared };
    if (!shared.isHome) return helpToExtract(extraction);
    await extractEmbeddings({
      ...extraction,
      batchSize,
      dimension: network.embeddingSize,
      folder,
      shardImages: 10,
      onProgress: (step) => say({ type: 'metrics', step, values: {} }),
    });
  });
  if (!member || member.isHome) say({ type: 'done', lines: [] });
  await member?.close();
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    // A replacement may come late.
    if (error instanceof RunFinished) process.exit(0);
    console.error(error);
    process.exit(1);
  },
);
