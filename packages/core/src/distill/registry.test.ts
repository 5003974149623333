/** Checks that every method has a test: cases in the fixtures, another test listed here, or a test named like it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ownReferenceFile } from '../../test/reference-cases';
import { methods } from './registry';

interface Case {
  readonly id: string;
  readonly group: string;
}

const cases = ['losses.json', 'more-losses.json'].flatMap(
  (file) => ownReferenceFile<{ cases: readonly Case[] }>(file).cases,
);

/** Groups of the cases of losses.json and more-losses.json that exercise a method's own loss. */
const groups: Readonly<Record<string, readonly string[]>> = {
  ab: ['AB', 'AB+Connector'],
  at: ['AT'],
  cc: ['CC', 'CC+LinearEmbed'],
  crd: ['CRD'],
  'crd-th-kd': ['CRDTH'],
  dist: ['DIST'],
  dkd: ['DKD'],
  fitnet: ['FitNet', 'FitNet+ConvReg'],
  fsp: ['FSP'],
  ft: ['FT', 'FT+Paraphraser+Translator', 'FT stage-1 reconstruction'],
  kd: ['KD'],
  'kd-mse': ['KDMSE'],
  kdsvd: ['KDSVD'],
  l2e: ['KDE'],
  'l2e-th-kd': ['KDETH', 'TH-KD objective'],
  nst: ['NST'],
  pkt: ['PKT'],
  rkd: ['RKD'],
  simkd: ['SimKD'],
  sp: ['SP'],
  'th-kd': ['KDTH'],
  vid: ['VID'],
};

/** Methods without a case, and the test that checks them instead. */
const others: Readonly<Record<string, string>> = {
  none: "only cross-entropy: runtime/ops/cross-entropy.test.ts, and PyTorch's steps in train/reference-training.test.ts",
  'margin-distillation': "PyTorch's values for the published formula: distill/margin-distillation.test.ts",
  proxyless:
    "cross-entropy through the teacher's frozen head: the cases MarginSoftmax, and train/train-network.test.ts on frozen heads",
};

test.each(methods.all.map(({ name }) => name))('%s has a case of its reference, or a test of its own name', (name) => {
  const own = groups[name];
  if (own === undefined) {
    // A new method needs a test beside it, its cases in `groups`, or an entry in `others`.
    if (!existsSync(join(__dirname, 'methods', `${name}.test.ts`))) expect(others).toHaveProperty([name]);
    return;
  }
  expect(others).not.toHaveProperty([name]);
  const known = new Set(cases.map(({ group }) => group));
  expect(own.filter((group) => !known.has(group))).toEqual([]);
  expect(own).not.toHaveLength(0);
});

test('the tables name only methods that exist', () => {
  const names = new Set(methods.all.map(({ name }) => name));
  expect([...Object.keys(groups), ...Object.keys(others)].filter((name) => !names.has(name))).toEqual([]);
});
