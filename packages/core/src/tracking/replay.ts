import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path';
import {
  type Batch,
  type Connection,
  createRun,
  ensureExperiment,
  getRun,
  keyValues,
  logBatch,
  MlflowError,
  type Run,
  searchRuns,
  updateRun,
  uploadArtifact,
} from 'mlflow-js-client';
import { lock } from 'proper-lockfile';
import type { Destination } from './destination';
import { type JournalEvent, readJournal } from './journal';
import { adoptChildren, joinParent } from './nested-runs';
import { journalTag } from './run-tags';

/** How far a journal has been sent, kept beside it in `journal.sent.json`. */
export interface Sent {
  readonly destination: string;
  readonly experimentId: string;
  readonly runId: string;
  /** The bytes of the journal that have been sent. */
  readonly bytes: number;
  /** What the server refused for good or what could not be read, one sentence each. */
  readonly refused: readonly string[];
}

/** `tools:sync` and the run itself may be at the same journal. A step of training may keep the lock from its renewal. */
const lockOptions = {
  stale: 120_000,
  update: 10_000,
  retries: { retries: 20, minTimeout: 200, maxTimeout: 1000 },
  onCompromised: () => undefined,
};

/** A journal on its way to a server. */
export interface Replay {
  /** Sends what the journal holds beyond what was sent. Throws what made it stop; called again, it goes on there. */
  pass(signal: AbortSignal): Promise<void>;
  /** Whether a server was found. */
  connected(): boolean;
  /** What was sent so far; undefined before the run exists on the server. */
  sent(): Sent | undefined;
  /** The run's page in MLflow's user interface, once known. */
  address(): string | undefined;
}

export function replayJournal(journal: string, destination: Destination): Replay {
  let sent = readSent(journal, destination.name);
  let connection: Connection | undefined;
  let uri: string | undefined;
  let run: Run | undefined;
  let kept: Sent | undefined;
  let keptAt = 0;

  const keepSent = (): void => {
    if (sent && sent !== kept) writeSent(journal, sent);
    kept = sent;
    keptAt = performance.now();
  };
  const advance = ({ end, kind }: Step, refused: readonly string[]): void => {
    if (!sent) return;
    sent = { ...sent, bytes: end, refused: refused.length > 0 ? [...sent.refused, ...refused] : sent.refused };
    // Training waits while a file takes another one's place; a batch that is sent twice is kept once.
    if (kind !== 'batch' || performance.now() - keptAt > 2000) keepSent();
  };

  const sendStep = async (server: Connection, step: Step): Promise<readonly string[]> => {
    if (step.kind === 'start') {
      if (sent && run) await updateRun(server, sent.runId, { status: 'RUNNING' });
      else {
        run = await findOrCreateRun(server, step.event);
        const { experiment_id: experimentId, run_id: runId } = run.info;
        sent = { destination: destination.name, experimentId, runId, bytes: 0, refused: [] };
      }
      return [];
    }
    if (!sent || !run) throw new MlflowError(`${journal} does not begin with its run`, 'INVALID_JOURNAL', 0);
    if (step.kind === 'batch') {
      const refused = await logWhatIsAccepted(server, sent.runId, step.batch);
      await joinParent(server, run, step.batch.tags);
      return refused;
    }
    if (step.kind === 'damaged') return [step.sentence];
    if (step.kind === 'artifact') return upload(server, run, dirname(journal), step.event);
    await updateRun(server, sent.runId, { status: step.event.status, endTime: step.event.time });
    await adoptChildren(server, run);
    return [];
  };

  const pass = async (signal: AbortSignal): Promise<void> => {
    if (!existsSync(journal) || statSync(journal).size <= (sent?.bytes ?? 0)) return;
    connection ??= await destination.connect(signal);
    uri = connection.uri;
    const release = await lock(journal, lockOptions);
    try {
      sent = readSent(journal, destination.name);
      kept = sent;
      if (sent && !run) run = await existingRun(connection, sent.runId);
      // The server's data were deleted since: it gets the whole journal.
      if (!run) sent = undefined;
      for await (const step of steps(readJournal(journal, sent?.bytes))) {
        advance(step, await sendStep(connection, step));
        signal.throwIfAborted();
      }
    } catch (error) {
      // A local server that died comes back at another port.
      connection = undefined;
      throw error;
    } finally {
      try {
        keepSent();
      } finally {
        await release();
      }
    }
  };

  return {
    pass,
    connected: () => connection !== undefined,
    sent: () => sent,
    // The query makes MLflow show its pages for training instead of those for language models.
    address: () =>
      sent && uri
        ? `${uri}/#/experiments/${sent.experimentId}/runs/${sent.runId}?workflowType=machine_learning`
        : undefined,
  };
}

type EventOf<T extends JournalEvent['type']> = Extract<JournalEvent, { type: T }>;

/** Events that are sent together. `end`: the byte behind them in the journal. */
type Step = { readonly end: number } & (
  | { readonly kind: 'start'; readonly event: EventOf<'start'> }
  | { readonly kind: 'batch'; readonly batch: Required<Batch> }
  | { readonly kind: 'artifact'; readonly event: EventOf<'artifact'> }
  | { readonly kind: 'finish'; readonly event: EventOf<'finish'> }
  | { readonly kind: 'damaged'; readonly sentence: string }
);

/** Gathers neighbouring params, tags and metrics into batches of about one request. */
async function* steps(events: ReturnType<typeof readJournal>): AsyncGenerator<Step> {
  const empty = (): Required<Batch> => ({ metrics: [], params: [], tags: [] });
  let batch = empty();
  let last = 0;
  const size = (): number => batch.metrics.length + batch.params.length + batch.tags.length;
  for await (const { event, end } of events) {
    const { type } = event;
    const alone = type === 'start' || type === 'artifact' || type === 'finish' || type === 'damaged';
    if (size() > 0 && (alone || size() >= 900)) {
      yield { kind: 'batch', batch, end: last };
      batch = empty();
    }
    if (type === 'start') yield { kind: type, event, end };
    else if (type === 'artifact') yield { kind: type, event, end };
    else if (type === 'finish') yield { kind: type, event, end };
    else if (type === 'damaged') yield { kind: type, sentence: event.sentence, end };
    else if (type === 'params') batch.params.push(...keyValues(event.params));
    else if (type === 'tags') batch.tags.push(...keyValues(event.tags));
    else {
      const { time: timestamp, step } = event;
      for (const [key, value] of Object.entries(event.values)) batch.metrics.push({ key, value, timestamp, step });
    }
    last = end;
  }
  if (size() > 0) yield { kind: 'batch', batch, end: last };
}

/** Without it MLflow's interface takes the experiment for one with language models, and shows their pages. */
const experimentTags = { 'mlflow.experimentKind': 'custom_model_development' };

async function findOrCreateRun(server: Connection, start: EventOf<'start'>): Promise<Run> {
  const experimentId = await ensureExperiment(server, start.experiment, experimentTags);
  const filter = `tags.\`${journalTag}\` = '${start.id}'`;
  const [found] = await searchRuns(server, { experimentIds: [experimentId], filter, limit: 1 });
  if (found) return found;
  const tags = { [journalTag]: start.id };
  return createRun(server, { experimentId, name: start.name, startTime: start.time, tags });
}

async function existingRun(server: Connection, runId: string): Promise<Run | undefined> {
  try {
    return await getRun(server, runId);
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}

/** Whether the server or its client found fault with the data: sending them again would change nothing. */
function isRefusal(error: unknown): error is MlflowError {
  if (!(error instanceof MlflowError)) return false;
  const unsendable = error.kind === 'not-sent' && ['INVALID_PARAMETER_VALUE', 'UNSAFE_PATH'].includes(error.code);
  return unsendable || error.status === 400 || error.status === 413;
}

/** Logs a batch; when something in it is refused, halves it until what is refused stands alone, and reports that. */
async function logWhatIsAccepted(server: Connection, runId: string, batch: Required<Batch>): Promise<string[]> {
  try {
    await logBatch(server, runId, batch);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const { metrics, params, tags } = batch;
    const entries = metrics.length + params.length + tags.length;
    if (entries === 1) return [error.message];
    const half = <T>(list: T[], part: 0 | 1): T[] => {
      const middle = Math.ceil(list.length / 2);
      return part === 0 ? list.slice(0, middle) : list.slice(middle);
    };
    const refused: string[] = [];
    const parts: Required<Batch>[] =
      Math.max(metrics.length, params.length, tags.length) === 1
        ? [
            { metrics, params: [], tags: [] },
            { metrics: [], params, tags: [] },
            { metrics: [], params: [], tags },
          ]
        : ([0, 1] as const).map((part) => ({
            metrics: half(metrics, part),
            params: half(params, part),
            tags: half(tags, part),
          }));
    for (const part of parts) {
      if (part.metrics.length + part.params.length + part.tags.length > 0) {
        refused.push(...(await logWhatIsAccepted(server, runId, part)));
      }
    }
    return refused;
  }
}

/** Uploads a file, or the files of a folder. One that is gone or that the server does not take is reported. */
async function upload(server: Connection, run: Run, base: string, event: EventOf<'artifact'>): Promise<string[]> {
  const path = resolve(base, event.path);
  const refused: string[] = [];
  try {
    for (const file of await filesOf(path)) {
      const name = relative(dirname(path), file).split(sep).join('/') || basename(file);
      await uploadArtifact(server, run.info, file, posix.join(event.folder, name));
    }
  } catch (error) {
    // The file system's errors name the call that failed.
    const unreadable = typeof Reflect.get(Object(error), 'syscall') === 'string';
    const untaken = error instanceof MlflowError && error.code === 'UNSUPPORTED_ARTIFACT_STORE';
    if (!unreadable && !untaken && !isRefusal(error)) throw error;
    refused.push(`${event.path}: ${Reflect.get(Object(error), 'message')}`);
  }
  return refused;
}

async function filesOf(path: string): Promise<string[]> {
  if (!statSync(path).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** `journal.jsonl` -> `journal.sent.json`. */
export function sentFile(journal: string): string {
  return journal.replace(/(\.jsonl)?$/, '.sent.json');
}

function readSent(journal: string, destination: string): Sent | undefined {
  try {
    const sent: Sent = JSON.parse(readFileSync(sentFile(journal), 'utf8'));
    return sent.destination === destination ? sent : undefined;
  } catch {
    return undefined;
  }
}

function writeSent(journal: string, sent: Sent): void {
  const temporary = `${sentFile(journal)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(sent)}\n`);
  renameSync(temporary, sentFile(journal));
}
