import type { Tracker } from '../tracking/tracker';
import type { Options, Values } from './option';

/** What a run hands back: plain JSON data, stored as `result.json` in the run's folder. */
export interface StageResult {
  /** The final numbers by name; the tracked run has them too, as `final/<name>`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What the terminal shows at the end: a line, or a whole table. */
  readonly summary: string;
  /** Files in the run's folder worth keeping with the tracked run, by name (`['best.safetensors', 'roc.png']`). */
  readonly files?: readonly string[];
  /** Files there that only going on needed: removed when the run has finished. */
  readonly temporaryFiles?: readonly string[];
}

/** What an experiment's `run` works with. */
export interface RunContext<O> {
  /** The experiment's own options: defaults, then the profile, then the command line. */
  readonly options: O;
  /** What the profile's or the default's values were overridden by, for this experiment and its stages. */
  readonly given: Overrides;
  /** The run's own folder, absolute: `runs/<package>/<experiment>/<key>`. A resumed run finds what it left there. */
  readonly folder: string;
  /** Aborted by Ctrl-C and SIGTERM: stop after the current step, keep a checkpoint, then `signal.throwIfAborted()`. */
  readonly signal: AbortSignal;
  /** This run's journal; params and configuration are already in it. */
  readonly tracker: Tracker;
  /** Prints a line to the terminal. */
  readonly log: (line: string) => void;
  /**
   * The result of another experiment of this package, one named in `needs` or `uses`, under the options of this
   * run with `overrides` put over them: reused when it already ran with the same code, options and data, resumed
   * when it was interrupted, run now otherwise. `folder` holds its files.
   */
  stage<R extends StageResult>(experiment: Stage<R>, overrides?: Overrides): Promise<StageOutcome<R>>;
  /** What `stage` would do, without doing it: for those who run stages elsewhere, or only ask what is there. */
  plan<R extends StageResult>(experiment: Stage<R>, overrides?: Overrides): Promise<PlannedStage<R>>;
}

/** A stage under certain options, which may have run or not. */
export interface PlannedStage<R extends StageResult = StageResult> {
  readonly experiment: Stage<R>;
  /** What tells it from others: stages with one key are one run. */
  readonly key: string;
  readonly folder: string;
  /** Its option values, and those of all it needs or uses. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What must have finished before it, as planned under the same options. */
  readonly needs: readonly PlannedStage[];
  /** The words behind `main.ts` that run it in a process of its own. */
  readonly command: readonly string[];
  readonly finished: () => Promise<FinishedStage<R> | undefined>;
}

/** What a stage has come to. */
export interface FinishedStage<R extends StageResult = StageResult> {
  readonly result: R;
  readonly seconds: number;
  /** Its page in MLflow. */
  readonly address?: string;
  /** SHA-256 of the result's files by name. */
  readonly digests?: Readonly<Record<string, string>>;
}

/** What was asked for: a profile's name, and the option values given explicitly, by camelCase name. */
export interface Settings {
  readonly profile: string;
  readonly given: Overrides;
}

/** Option values for a stage, by option name; they also reach the stages it needs itself. */
export type Overrides = Readonly<Record<string, unknown>>;

/** A finished stage: its result, and the folder with its files. */
export interface StageOutcome<R extends StageResult> {
  readonly result: R;
  readonly folder: string;
}

/** An experiment of which only the result's type matters: what `needs`, `uses` and `stage()` take. */
export interface Stage<R extends StageResult = StageResult> {
  readonly summary: string;
  readonly options: Options;
  readonly needs: Readonly<Record<string, Stage>>;
  readonly uses: Readonly<Record<string, Stage>>;
  readonly profiles: Profiles;
  /** What it makes depends on how core compares and shows runs, too. */
  readonly reports: boolean;
  /** What the values of `options` must satisfy together; throws UserError. */
  readonly check: (values: Readonly<Record<string, unknown>>, settings: Settings) => void;
  /** What the values of `options` must satisfy that is known only elsewhere; rejects with UserError. */
  readonly preflight: (values: Readonly<Record<string, unknown>>, workspace: Workspace) => Promise<void>;
  /** The untyped way in, for the runner; it hands over exactly the values of `options`. */
  readonly start: (context: RunContext<Readonly<Record<string, unknown>>>) => Promise<R>;
}

/** Where a run is to be made. */
export interface Workspace {
  readonly package: string;
  /** The workspace's folder. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** Option values by profile name. */
export type Profiles = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** An experiment: what a file in `experiments/` exports by default. */
export interface Experiment<O extends Options, R extends StageResult> extends Stage<R> {
  readonly options: O;
}

/** What `defineExperiment` takes. */
export interface ExperimentDefinition<O extends Options, R extends StageResult, P extends Profiles> {
  /** One line: what it does. Shown by `nx show project`, `nx graph` and `--help`. */
  readonly summary: string;
  /** Experiments of this package whose results it reads. Nx runs them first, with the same profile and options. */
  readonly needs?: Readonly<Record<string, Stage>>;
  /** Experiments that it runs itself through `stage()`, under options of its choosing (many seeds, say). */
  readonly uses?: Readonly<Record<string, Stage>>;
  /** The options it reads. A name means the same in every experiment of a package. */
  readonly options: O;
  /**
   * Option values by profile: `default` (may be left out) is what runs without a profile, every other one is an Nx
   * configuration (`nx run face:distill:smoke`). Usually one object that a package's experiments share, so names
   * that only a sibling declares are fine.
   */
  readonly profiles?: P & ProfilesFor<O, P>;
  /** It compares the runs of others: made again, of runs that are there, when that part of core changes. Default: no. */
  readonly reports?: boolean;
  /** What options must satisfy together, each being valid by itself; throws UserError, before anything runs. */
  readonly check?: (options: Values<O>, settings: Settings) => void;
  /** What they must satisfy that takes looking elsewhere: rejects with UserError, before the run leaves anything behind. */
  readonly preflight?: (options: Values<O>, workspace: Workspace) => Promise<void>;
  /** Does the work. Heavy imports (TensorFlow) belong inside it, `await import('...')`: `--help` loads this file too. */
  readonly run: (context: RunContext<Values<O>>) => Promise<R>;
}

/** Where a profile names an option that is declared here, its value must be of that option's type. */
type ProfilesFor<O extends Options, P> = {
  readonly [Profile in keyof P]: {
    readonly [Name in keyof P[Profile]]: Name extends keyof O ? Values<O>[Name] : unknown;
  };
};

/**
 * Declares an experiment. The file `packages/face/experiments/distill.ts` that exports one by default is the Nx target
 * `face:distill`; nothing else has to be registered.
 *
 * ```ts
 * export default defineExperiment({
 *   summary: 'Distil a small face model from a large one',
 *   needs: { teacher },
 *   options: { seed, method: oneOf(methods, 'th-kd', { help: 'what the student learns from' }) },
 *   profiles: { smoke: { epochs: 1 } },
 *   run: async ({ options, stage }) => { ... },
 * });
 * ```
 */
export function defineExperiment<
  const O extends Options,
  R extends StageResult,
  const P extends Profiles = Record<never, never>,
>(definition: ExperimentDefinition<O, R, P>): Experiment<O, R> {
  const { summary, needs = {}, uses = {}, options, profiles, reports = false, check, preflight, run } = definition;
  return {
    summary,
    needs,
    uses,
    options,
    profiles: profiles ?? {},
    reports,
    // Sound because exactly the values of `options` are resolved before any of these is called.
    check: (values, settings) => check?.(values as Values<O>, settings),
    preflight: async (values, workspace) => preflight?.(values as Values<O>, workspace),
    start: (context) => run(context as unknown as RunContext<Values<O>>),
  };
}
