/** The stages of the published recipes, at their real sizes. */
import { profiles as faceProfiles } from '@headshare/face/profiles';
import { profiles as imageProfiles } from '@headshare/imagenet/profiles';
import { cifarNetwork, faceNetwork } from '../networks';
import type { StepCase } from '../step/cases';

export interface Stage {
  readonly recipe: 'cifar100' | 'ms1mv3';
  readonly title: string;
  /** A training with these networks, or the evaluation of the student. */
  readonly networks: StepCase;
  readonly evaluates: boolean;
  /** Images that pass through the networks in the whole stage: images of an epoch times epochs. */
  readonly total: number;
  /** Images of a training step. */
  readonly batch: number;
}

const { cifar100 } = imageProfiles;
const { ms1mv3 } = faceProfiles;

const cifar = { recipe: 'cifar100', batch: cifar100.batchSize, evaluates: false } as const;
const cifarImages = 50_000;
const resnet = { teacher: cifarNetwork(cifar100.teacher), student: cifarNetwork(cifar100.student) };

const faces = { recipe: 'ms1mv3', batch: ms1mv3.batchSize, evaluates: false } as const;
const [faceImages, people, ijbcImages] = [5_179_510, 93_431, 469_375];
const face = {
  teacher: faceNetwork(ms1mv3.teacher, ms1mv3.head, people),
  student: faceNetwork(ms1mv3.student, ms1mv3.head, people),
};

export const stages = {
  'cifar100-teacher': {
    ...cifar,
    title: `${cifar100.teacher} alone`,
    networks: { student: resnet.teacher },
    total: cifarImages * cifar100.teacherEpochs,
  },
  'cifar100-alone': {
    ...cifar,
    title: `${cifar100.student} alone`,
    networks: { student: resnet.student },
    total: cifarImages * cifar100.epochs,
  },
  'cifar100-th-kd': {
    ...cifar,
    title: `${cifar100.student}, th-kd`,
    networks: resnet,
    total: cifarImages * cifar100.epochs,
  },
  'ms1mv3-teacher': {
    ...faces,
    title: `${ms1mv3.teacher} alone`,
    networks: { student: face.teacher },
    total: faceImages * ms1mv3.teacherEpochs,
  },
  'ms1mv3-alone': {
    ...faces,
    title: `${ms1mv3.student} alone`,
    networks: { student: face.student },
    total: faceImages * ms1mv3.epochs,
  },
  'ms1mv3-th-kd': {
    ...faces,
    title: `${ms1mv3.student}, th-kd`,
    networks: face,
    total: faceImages * ms1mv3.epochs,
  },
  'ms1mv3-ijbc': {
    ...faces,
    title: `${ms1mv3.student}, IJB-C and mirror images`,
    networks: { student: { ...face.student, classes: 1 } },
    evaluates: true,
    total: ijbcImages,
  },
} as const satisfies Record<string, Stage>;

export type StageName = keyof typeof stages;

export const stageNames = Object.keys(stages) as readonly StageName[];
