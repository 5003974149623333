/**
 * `write-students.ts FOLDER`: writes small exported networks, and their own answers for two pictures (`answers.json`), for tests
 * of programs that use them. Runs in a process of its own, as packages for npm know nothing of core.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Card, Thresholds } from 'headshare-student/card';
import onnx from '../src/delivery/formats/onnx';
import { type CardFacts, makeCard } from '../src/delivery/make-card';
import { type GraphOptions, networkGraph, networkResults } from '../src/delivery/network-graph';
import type { NetworkDescription } from '../src/nn/network';
import { cifar100 } from '../src/nn/normalisation';
import { noisePictures, settledNetwork } from './settled-network';

const thresholds: Thresholds = {
  data: 'noise',
  pairs: { genuine: 1000, impostor: 100_000 },
  mirror: true,
  own: [0.1, 0.01, 0.001].map((far, i) => ({
    far,
    reachedFar: far,
    threshold: 0.2 + i / 10,
    tar: 0.9 - i / 10,
    measurable: true,
  })),
};

const students: Readonly<
  Record<string, { head: string; options: Partial<GraphOptions> & Pick<GraphOptions, 'outputs'>; facts: CardFacts }>
> = {
  'face.onnx': { head: 'arcface', options: { outputs: ['embedding'] }, facts: { thresholds } },
  'mirrored.onnx': { head: 'arcface', options: { outputs: ['embedding'], mirror: true }, facts: { thresholds } },
  'classes.onnx': {
    head: 'linear',
    options: { outputs: ['embedding', 'logits', 'probabilities'] },
    facts: { classNames: ['ant', 'bee', 'cat', 'dog', 'eel'], preparation: { kind: 'resize', resize: 36 } },
  },
  'pixels.onnx': { head: 'linear', options: { outputs: ['logits'], input: 'pixels-nchw' }, facts: {} },
  'normalised.onnx': { head: 'linear', options: { outputs: ['logits'], input: 'normalised-nchw' }, facts: {} },
};

const [folder = ''] = process.argv.slice(2);
const answers: Record<string, Record<string, number[]>> = {};
let pictures: number[] = [];
for (const [name, { head, options, facts }] of Object.entries(students)) {
  const description: NetworkDescription = {
    backbone: 'resnet8',
    head,
    inputSize: '24x32',
    width: 0.25,
    classes: 5,
    normalisation: cifar100,
  };
  const network = settledNetwork(description);
  const all: GraphOptions = { input: 'bytes', mirror: false, teacherSpace: false, ...options };
  const card: Card = makeCard(description, facts, all, 'float32');
  const [file] = onnx.write(networkGraph(network, all), card, { weights: 'float32', name });
  writeFileSync(
    join(folder, name),
    file?.parts.map((part) => Buffer.from(part as Uint8Array)).reduce((a, b) => Buffer.concat([a, b])) ?? '',
  );
  const bytes = noisePictures(2, description);
  pictures = [...bytes];
  const results = networkResults(network, all, bytes);
  answers[name] = Object.fromEntries(Object.entries(results).map(([output, values]) => [output, [...values]]));
}
writeFileSync(join(folder, 'answers.json'), JSON.stringify({ pictures, answers }));
