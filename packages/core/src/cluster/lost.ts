/** The membership changes before all members have given their values. */
export class LostGeneration extends Error {
  override readonly name = 'LostGeneration';
  constructor() {
    super('the membership changes');
  }
}

/** Home has finished the run: there is nothing left to do for this worker. */
export class RunFinished extends Error {
  override readonly name = 'RunFinished';
  constructor() {
    super('the home worker has finished the run');
  }
}

/** Why the others end when home does so before the end of its work. */
export const homeStopped =
  'The first worker has stopped before the end of the run. Run the same command again to resume.';

/** Home has finished what is trained under this label: the result lies in the run's folder. */
export class TrainingFinished extends Error {
  override readonly name = 'TrainingFinished';
  constructor(label: string) {
    super(`the home worker has finished ${label}`);
  }
}
