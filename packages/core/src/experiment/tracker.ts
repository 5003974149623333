/** What a run needs of its journal; `startTracking` in `tracking/` hands one out. None of these ever fails the run. */
export interface Tracker {
  /** Logs the parameters of the run, nested objects flattened to `a.b`. */
  params(params: Readonly<Record<string, unknown>>): void;
  /** Logs numbers at a step (or epoch). */
  metrics(values: Readonly<Record<string, number>>, step: number): void;
  tags(tags: Readonly<Record<string, string>>): void;
  /** Keeps a file with the run; `artifactPath` is the folder it goes to there. */
  artifact(path: string, artifactPath?: string): void;
}
