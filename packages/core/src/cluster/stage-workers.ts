import type { Member } from './member';

/** The workers of a command, as one of its stages sees them. */
export interface StageWorkers {
  readonly member: Member;
  /** Names the stage, the same in all workers. */
  readonly stage: string;
}

/** A worker that is not home has done its part of a stage: home does the rest. */
export class LeftToHome extends Error {
  override readonly name = 'LeftToHome';
  constructor() {
    super('home does the rest of the stage');
  }
}
