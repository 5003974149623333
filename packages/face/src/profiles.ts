/**
 * The paper's training on MS1MV3 (93,431 people, 5,179,510 images). Settings that the paper does not give are those of
 * insightface's arcface_torch (configs/ms1mv3_mbf.py for the student, ms1mv3_r100.py for the teacher): ArcFace with
 * scale 64 and margin 0.5, embeddings of length 512, batches of 8 x 128, SGD from 0.1 with linear decay to 0, gradients
 * clipped to 5, weight decay 1e-4 and 5e-4, 40 and 20 epochs. arcface_torch's batch norm sees 128 images at a time, as
 * with `--accumulate=8`; it computes in float16 (`--precision=float16`).
 */
const ms1mv3 = {
  dataset: 'ms1m',
  head: 'arcface',
  scale: 64,
  margin: 0.5,
  embeddingSize: 512,
  batchSize: 1024,
  schedule: 'polynomial',
  warmUpEpochs: 0,
  clipNorm: 5,
  weightDecay: 1e-4,
  evaluateEvery: 1,
  student: 'mobilefacenet',
  studentWidth: 1,
  epochs: 40,
  learningRate: 0.1,
  teacher: 'iresnet100',
  teacherWidth: 1,
  teacherEpochs: 20,
  teacherLearningRate: 0.1,
  teacherWeightDecay: 5e-4,
} as const;

/**
 * Settings by profile. All experiments share them, so that teacher and student are trained on the same data. With the
 * default profile a teacher and a student train in minutes on two cores, and to the end: few people over many epochs. With
 * three times as many people and as many steps, the student's class vectors would still be moving, and SH-KD needs them
 * (docs/results/sh-kd.md).
 */
export const profiles = {
  default: {
    imageSize: 32,
    identities: 100,
    imagesPerIdentity: 24,
    difficulty: 0.8,
    head: 'cosface',
    scale: 24,
    margin: 0.2,
    embeddingSize: 64,
    clipNorm: 5,
    warmUpEpochs: 0.5,
    evaluateEvery: 10,
    student: 'mobilefacenet',
    studentWidth: 0.25,
    epochs: 40,
    learningRate: 0.1,
    teacher: 'iresnet10',
    teacherWidth: 0.25,
    teacherEpochs: 25,
    teacherLearningRate: 0.1,
  },
  smoke: {
    imageSize: 32,
    identities: 20,
    imagesPerIdentity: 10,
    verificationIdentities: 20,
    verificationPairs: 500,
    head: 'cosface',
    scale: 24,
    margin: 0.2,
    embeddingSize: 64,
    batchSize: 20,
    student: 'mobilefacenet',
    studentWidth: 0.25,
    epochs: 1,
    teacher: 'iresnet10',
    teacherWidth: 0.25,
    teacherEpochs: 1,
  },
  ms1mv3: { ...ms1mv3 },
  // A quick test of ms1mv3 on the faces of `nx run face:data -- example`: only numbers differ.
  'ms1mv3-smoke': {
    ...ms1mv3,
    batchSize: 16,
    embeddingSize: 64,
    studentWidth: 0.25,
    epochs: 1,
    teacherWidth: 0.0625,
    teacherEpochs: 1,
  },
} as const;
