/** The face experiments' settings by profile: one set for all of them, so that teacher and student see the same data. */
export const profiles = {
  default: {
    student: 'resnet8',
    studentWidth: 0.25,
    teacher: 'resnet20',
    teacherWidth: 0.5,
    head: 'linear',
  },
  smoke: {
    imageSize: 32,
    identities: 20,
    imagesPerIdentity: 10,
    verificationIdentities: 20,
    verificationPairs: 200,
    batchSize: 20,
    epochs: 1,
    teacherEpochs: 1,
  },
} as const;
