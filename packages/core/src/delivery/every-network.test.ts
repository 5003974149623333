/** Exports of every backbone, head and format, against the network's own numbers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { InputForm } from 'headshare-student/card';
import { noisePictures, settledNetwork } from '../../test/settled-network';
import { sharedEngines } from '../../test/shared-engines';
import { testCard } from '../../test/test-card';
import type { NetworkDescription } from '../nn/network';
import { imagenet, symmetric } from '../nn/normalisation';
import { backbones, heads } from '../nn/registry';
import { sides } from '../system/image-size';
import { differences, worst } from './compare';
import { modelInput } from './feed';
import type { Format, LoadedModel } from './format';
import type { Graph } from './graph';
import { type DescribedNetwork, type GraphOptions, networkGraph, networkResults } from './network-graph';
import { formats } from './registry';

const folder = mkdtempSync(join(tmpdir(), 'headshare-formats-'));
const engines = sharedEngines();
afterAll(async () => {
  await engines.close();
  rmSync(folder, { recursive: true });
});

const everything: GraphOptions = {
  input: 'bytes',
  outputs: ['embedding', 'logits', 'probabilities'],
  mirror: false,
  teacherSpace: false,
};

/** What all formats of one network share, so that it is made once: a recording takes seconds. */
interface Tried {
  readonly network: DescribedNetwork;
  readonly options: GraphOptions;
  readonly graph: Graph;
  readonly batches: readonly { readonly pictures: Uint8Array; readonly expected: ReturnType<typeof networkResults> }[];
}

const made = new Map<string, Tried>();

/** A network with its graph, and its own results for batches of 1, 2 and 5 pictures. */
function tried(description: NetworkDescription, options: GraphOptions): Tried {
  const key = JSON.stringify([description, options]);
  const known = made.get(key);
  if (known) return known;
  const network = settledNetwork(description);
  const batches = [1, 2, 5].map((count) => {
    const pictures = noisePictures(count, description, count);
    return { pictures, expected: networkResults(network, options, pictures) };
  });
  const all = { network, options, graph: networkGraph(network, options), batches };
  made.set(key, all);
  return all;
}

let models = 0;

/** Writes a network as a model, and loads it. */
async function exported(graph: Graph, format: Format): Promise<LoadedModel> {
  const name = `model${models++}`;
  const target = join(folder, format.ending === '/' ? name : `${name}${format.ending}`);
  const files = format.write(graph, testCard, { weights: 'float32', name: `${name}${format.ending}` });
  for (const { path, parts } of files) {
    const file = format.ending === '/' ? join(target, path) : join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))));
  }
  return engines.load(format, target, graph);
}

/** The largest relative difference of any output of any batch. */
async function furthest({ network, options, graph, batches }: Tried, format: Format): Promise<number> {
  const { normalisation = symmetric, inputSize } = network.description;
  const model = await exported(graph, format);
  let most = 0;
  for (const { pictures, expected } of batches) {
    const actual = await model.run(modelInput(options.input, pictures, sides(inputSize), normalisation));
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    most = Math.max(most, worst(differences(expected, actual)).relative);
  }
  await model.close();
  return most;
}

// With the usual scale of 64, probabilities would have many times the rounding errors of cosines.
const narrow = { inputSize: 32, width: 0.1, classes: 7, scale: 2 } as const;

/** Every combination takes many minutes; by default each backbone is tried with one head, and TensorFlow's formats take turns. */
const isThorough = process.env.HEADSHARE_ALL_EXPORTS === '1';

const ownEngine = formats.all.filter(({ ending }) => ending !== '/');
const folders = formats.all.filter(({ ending }) => ending === '/');

const combinations = backbones.all.flatMap(({ name }, i) => {
  const all = heads.all.map((head) => head.name);
  const written = isThorough ? formats.all : [...ownEngine, folders[i % folders.length] as Format];
  const tried = isThorough ? all : [all[i % all.length] as string];
  return tried.map((head) => [name, head, written] as const);
});

test.each(combinations)(
  '%s with the head %s',
  async (backbone, head, written) => {
    const description = { ...narrow, backbone, head, normalisation: imagenet };
    const network = tried(description, everything);
    const off: [string, number][] = [];
    for (const format of written) {
      const relative = await furthest(network, format);
      if (!(relative < 1e-5)) off.push([format.name, relative]);
    }
    expect(off).toEqual([]);
  },
  120_000,
);

const mobilefacenet: NetworkDescription = { ...narrow, backbone: 'mobilefacenet', head: 'arcface', embeddingSize: 8 };

describe.each(formats.all.map((format) => [format.name, format] as const))('%s', (_, format) => {
  test.each(heads.all.map(({ name }) => name))('the head %s', async (head) => {
    expect(await furthest(tried({ ...mobilefacenet, head }, everything), format)).toBeLessThan(1e-5);
  });

  test.each<InputForm>(['bytes', 'pixels-nchw', 'normalised-nchw'])(
    '%s of pictures that are not square',
    async (input) => {
      const high = tried({ ...mobilefacenet, inputSize: '48x32', normalisation: imagenet }, { ...everything, input });
      expect(await furthest(high, format)).toBeLessThan(1e-5);
      const grey = tried({ ...mobilefacenet, inputSize: '32x48' }, { ...everything, input, mirror: true });
      expect(await furthest(grey, format)).toBeLessThan(1e-5);
    },
  );

  test("a student that predicts through its teacher's head, or both", async () => {
    const description: NetworkDescription = {
      ...mobilefacenet,
      projection: 12,
      teacherSpace: 16,
      blend: { share: 0.3, head: 'cosface', scale: 8 },
    };
    for (const mirror of [false, true]) {
      const network = tried(description, { ...everything, teacherSpace: true, mirror });
      expect(await furthest(network, format)).toBeLessThan(1e-5);
    }
  });

  test("a student whose last map is turned into its teacher's", async () => {
    const description: NetworkDescription = {
      ...narrow,
      backbone: 'resnet8',
      head: 'linear',
      bottleneck: { inputs: 6, outputs: 12, size: [5, 5], factor: 2 },
    };
    expect(await furthest(tried(description, everything), format)).toBeLessThan(1e-5);
  });
});
