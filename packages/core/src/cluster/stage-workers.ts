import type { Member } from './member';

/** The workers of a command, as one of its stages sees them. */
export interface StageWorkers {
  readonly member: Member;
  /** Names the stage, the same in all workers. */
  readonly stage: string;
}

/** This process has formed generations so often that a fresh one should take its place; the others have its state. */
export class ReplacementWanted extends Error {
  override readonly name = 'ReplacementWanted';
  constructor() {
    super('a fresh process takes the place of this worker');
  }
}

/** A worker that is not home has done its part of a stage: home does the rest. */
export class LeftToHome extends Error {
  override readonly name = 'LeftToHome';
  constructor() {
    super('home does the rest of the stage');
  }
}

/** The work's result; undefined where the rest of it is left to home. */
export async function ownPart<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof LeftToHome) return undefined;
    throw error;
  }
}

/** @throws LeftToHome in a worker that is not home: what follows is for home alone */
export function leaveToHome(workers: StageWorkers | undefined): void {
  if (workers && !workers.member.isHome) throw new LeftToHome();
}
