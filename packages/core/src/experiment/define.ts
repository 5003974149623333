import type { StageWorkers } from '../cluster/stage-workers';
import type { Tracker } from '../tracking/tracker';
import type { Options, Values } from './option';

/** The result of a run: plain JSON data, stored as `result.json` in the run's folder. */
export interface StageResult {
  /** The final numbers by name; tracked as `final/<name>`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The text that the terminal shows at the end: a line, or a table. */
  readonly summary: string;
  /** Files in the run's folder to record with the run (`['best.safetensors', 'roc.png']`). */
  readonly files?: readonly string[];
  /** Files in the run's folder that only resuming needs: removed when the run has finished. */
  readonly temporaryFiles?: readonly string[];
}

/** The content of `result.json`. */
export interface FinishedRun<R extends StageResult = StageResult> {
  readonly key: string;
  readonly experiment: string;
  readonly seconds: number;
  /** The run's page in MLflow; not in `result.json`, which MLflow stores too. */
  readonly address?: string;
  /** SHA-256 of the result's files by name; old runs lack it, as they lack `stages`. */
  readonly digests?: Readonly<Record<string, string>>;
  /** The runs of other experiments that it used, in order, with the digests of their files. */
  readonly stages?: readonly Required<Pick<FinishedRun, 'experiment' | 'key' | 'digests'>>[];
  readonly result: R;
}

/** The workers of a run. */
export interface RunWorkers extends StageWorkers {
  /** Home's folder of the run, which all workers see. */
  readonly folder: string;
}

/** The surroundings of an experiment's `run`. */
export interface RunContext<O> {
  /** The experiment's own options: defaults, overridden by the profile, then by the command line. */
  readonly options: O;
  /** The values that override the profile's and the defaults, for this experiment and its stages. */
  readonly given: Overrides;
  /**
   * The run's own folder, absolute: `runs/<package>/<experiment>/<key>`. A resumed run finds its files there. In a worker
   * that is not home, a folder for what nobody needs.
   */
  readonly folder: string;
  /** Aborted by Ctrl-C and SIGTERM: stop after the current step, save a checkpoint, then `signal.throwIfAborted()`. */
  readonly signal: AbortSignal;
  /** Tracks this run; its options and environment are already recorded. */
  readonly tracker: Tracker;
  /** Prints a line to the terminal. */
  readonly log: (line: string) => void;
  /** The workers that share this run's trainings; absent: this process is alone. */
  readonly workers?: RunWorkers | undefined;
  /**
   * The result and folder of another experiment of this package, one of `needs` or `uses`, under the options of this
   * run and `overrides`. A finished run with the same code, options and data is reused, an interrupted one resumed.
   */
  stage<R extends StageResult>(
    experiment: Stage<R>,
    overrides?: Overrides,
  ): Promise<{ readonly result: R; readonly folder: string }>;
  /** The same stage, without running it: to run it elsewhere, or to ask whether it has finished. */
  plan<R extends StageResult>(experiment: Stage<R>, overrides?: Overrides): Promise<PlannedStage<R>>;
}

/** A stage under certain options, finished or not. */
export interface PlannedStage<R extends StageResult = StageResult> {
  readonly experiment: Stage<R>;
  /** Stages with equal keys are the same run. */
  readonly key: string;
  readonly folder: string;
  /** Its option values, and those of its dependencies. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The stages that must finish before it, under the same options. */
  readonly needs: readonly PlannedStage[];
  /** The arguments of `main.ts` that run it in another process. */
  readonly command: readonly string[];
  readonly finished: () => Promise<FinishedRun<R> | undefined>;
}

/** A profile's name, and the option values given explicitly, by camelCase name. */
export interface Settings {
  readonly profile: string;
  readonly given: Overrides;
}

/** Option values for a stage, by option name; they also apply to the stages that it needs. */
export type Overrides = Readonly<Record<string, unknown>>;

/** An experiment, with its option types erased: `needs`, `uses` and `stage()` take it. */
export interface Stage<R extends StageResult = StageResult> {
  readonly summary: string;
  readonly options: Options;
  readonly needs: Readonly<Record<string, Stage>>;
  readonly uses: Readonly<Record<string, Stage>>;
  readonly profiles: Profiles;
  readonly reports: boolean;
  readonly check: (values: Overrides, settings: Settings) => void;
  readonly preflight: (values: Overrides, workspace: Workspace) => Promise<void>;
  readonly rehearse: (values: Overrides) => void;
  readonly start: (context: RunContext<Overrides>) => Promise<R>;
}

/** The place of a run. */
export interface Workspace {
  readonly package: string;
  /** The workspace's folder. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** Option values by profile name. */
type Profiles = Readonly<Record<string, Overrides>>;

/** The argument of `defineExperiment`. */
interface ExperimentDefinition<O extends Options, R extends StageResult, P extends Profiles> {
  /** One line: what it does. Shown by `nx show project`, `nx graph` and `--help`. */
  readonly summary: string;
  /** Experiments of this package whose results it reads. Nx runs them first, with the same profile and options. */
  readonly needs?: Readonly<Record<string, Stage>>;
  /**
   * Experiments that it runs itself through `stage()`, under options of its choosing (many seeds, say). Its `check` tries
   * those options by `resolveAll`, because the runner cannot know them.
   */
  readonly uses?: Readonly<Record<string, Stage>>;
  /** The options that it reads. A name means the same in every experiment of a package. */
  readonly options: O;
  /**
   * Option values by profile: `default` (optional) applies without a profile, every other one is an Nx configuration
   * (`nx run face:distill:smoke`). The experiments of a package usually share one object, so it may set options that
   * only other experiments have.
   */
  readonly profiles?: P & ProfilesFor<O, P>;
  /** Set for reports on other runs: run again if core's reporting sources change. Default: false. */
  readonly reports?: boolean;
  /** Checks options against each other; throws UserError. Called before anything runs. */
  readonly check?: (options: Values<O>, settings: Settings) => void;
  /** Checks options against the world; rejects with UserError. Called before the run's folder is made. */
  readonly preflight?: (options: Values<O>, workspace: Workspace) => Promise<void>;
  /**
   * Tries the work without computing it, to find mistakes before the needed stages run; throws UserError. Nx calls it,
   * through `--check`, before it runs anything. The values include those of the stages.
   */
  readonly rehearse?: (values: Overrides) => void;
  /** Does the work. Import TensorFlow inside it, `await import('...')`: `--help` loads this file too. */
  readonly run: (context: RunContext<Values<O>>) => Promise<R>;
}

/** The value that a profile sets for a declared option must have the option's type. */
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
 *   options: { seed, method: oneOf(methods, 'th-kd', { help: 'distillation method' }) },
 *   profiles: { smoke: { epochs: 1 } },
 *   run: async ({ options, stage }) => { ... },
 * });
 * ```
 */
export function defineExperiment<
  const O extends Options,
  R extends StageResult,
  const P extends Profiles = Record<never, never>,
>(definition: ExperimentDefinition<O, R, P>): Stage<R> & { readonly options: O } {
  const { needs = {}, uses = {}, profiles = {}, reports = false, check, preflight, rehearse, run } = definition;
  return {
    summary: definition.summary,
    needs,
    uses,
    options: definition.options,
    profiles,
    reports,
    // The casts hold because the runner passes exactly the resolved values of `options`.
    check: (values, settings) => check?.(values as Values<O>, settings),
    preflight: async (values, workspace) => preflight?.(values as Values<O>, workspace),
    rehearse: (values) => rehearse?.(values),
    start: (context) => run(context as unknown as RunContext<Values<O>>),
  };
}
