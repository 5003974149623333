/**
 * The messages between coordinator and workers: one JSON object a line, in UTF-8.
 * Values of `exchange` and `post` are any JSON.
 */
import { isRecord } from '../system/is-record';
import type { Membership } from '../system/membership';

/** Parts of a stage's identity (options, sources, data), which all workers must share. */
export type Parts = Readonly<Record<string, string>>;

export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  /** Random; a worker that connects again keeps it, and gets its task back. */
  readonly session: string;
  readonly isHome: boolean;
  readonly pid: number;
  readonly cpu: string;
  readonly threads: string;
}

export type FromWorker =
  | Hello
  /** A launcher on another machine announces its workers. */
  | { readonly type: 'announce'; readonly protocol: number; readonly workers: number }
  | { readonly type: 'ping' }
  /** The port of the worker's TensorFlow server. */
  | { readonly type: 'address'; readonly port: number }
  | { readonly type: 'enter'; readonly label: string; readonly parts: Parts }
  | { readonly type: 'leave' }
  /** The steps of forming. `hasState`: the worker holds the training's state, so the others need not wait for home. */
  | { readonly type: 'quiet'; readonly generation: number; readonly hasState: boolean }
  /** `again` asks for a new generation, since this one's collectives or enabling failed. */
  | { readonly type: 'enabled' | 'again'; readonly generation: number }
  | { readonly type: 'exchange'; readonly generation: number; readonly label: string; readonly value: unknown }
  | { readonly type: 'post'; readonly key: string; readonly value: unknown }
  /** The worker ends in an orderly way. */
  /** `stopped`: before the end of its work. */
  | { readonly type: 'bye'; readonly stopped?: boolean };

export type ToWorker =
  /** `host`: the worker's own address, as the coordinator sees it. */
  | { readonly type: 'welcome'; readonly task: number; readonly host: string }
  | { readonly type: 'ping' }
  /** The coordinator does not take the worker, or not under this label. */
  | { readonly type: 'refused'; readonly why: string }
  /** `over`: home has finished what is trained under the label. */
  | { readonly type: 'entered' | 'left' | 'over'; readonly label: string }
  | { readonly type: 'form'; readonly generation: number; readonly now: boolean }
  | ({ readonly type: 'enable' } & Membership)
  | { readonly type: 'go'; readonly generation: number }
  | {
      readonly type: 'gathered';
      readonly generation: number;
      readonly label: string;
      readonly values: readonly (readonly [task: number, value: unknown])[];
    }
  | { readonly type: 'board'; readonly key: string; readonly value: unknown }
  /** Nothing goes on any more: the run is finished (without `why`), or cannot go on. */
  | { readonly type: 'end'; readonly why?: string };

/** Workers of another version speak another one. */
export const protocolVersion = 2;

/** The most bytes of a line: from a stranger, from a worker, from the coordinator (which gathers workers' lines). */
export const lineLimits = { hello: 4096, worker: 1 << 20, coordinator: 1 << 28 } as const;

export const lineOf = (message: FromWorker | ToWorker): string => `${JSON.stringify(message)}\n`;

/** A line that is no message: the connection that it came from is closed. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/** Cuts chunks of text into lines. */
export class LineReader {
  private rest = '';

  /**
   * Takes a chunk and returns the lines that it completes.
   * @param limit the most characters of a line
   * @throws BadMessage for a longer line, complete or not
   */
  take(chunk: string, limit: number): readonly string[] {
    const lines = (this.rest + chunk).split('\n');
    this.rest = lines.pop() ?? '';
    if (this.rest.length > limit || lines.some((line) => line.length > limit)) {
      this.rest = '';
      throw new BadMessage(`a line has more than ${limit} characters`);
    }
    return lines;
  }
}

const isText = (value: unknown, most = 256): value is string => typeof value === 'string' && value.length <= most;
const isName = (value: unknown): value is string => isText(value) && value !== '' && value !== '__proto__';
const isCount = (value: unknown, least = 0, most = 2 ** 31 - 1): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const isParts = (value: unknown): value is Parts => {
  if (!isRecord(value) || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= 64 && entries.every(([name, text]) => isName(name) && isText(text, 1 << 16));
};

type Fields = Readonly<Record<string, unknown>>;

/** What makes an object a message of its type. */
const checks: { readonly [T in FromWorker['type']]: (message: Fields) => boolean } = {
  hello: ({ protocol, session, isHome, pid, cpu, threads }) =>
    isCount(protocol) &&
    isName(session) &&
    typeof isHome === 'boolean' &&
    isCount(pid) &&
    isText(cpu) &&
    isText(threads, 16),
  announce: ({ protocol, workers }) => isCount(protocol) && isCount(workers, 1, 4096),
  ping: () => true,
  address: ({ port }) => isCount(port, 1, 65535),
  enter: ({ label, parts }) => isName(label) && isParts(parts),
  leave: () => true,
  quiet: ({ generation, hasState }) => isCount(generation) && typeof hasState === 'boolean',
  enabled: ({ generation }) => isCount(generation),
  again: ({ generation }) => isCount(generation),
  exchange: (message) => isCount(message.generation) && isName(message.label) && 'value' in message,
  post: (message) => isName(message.key) && 'value' in message,
  bye: ({ stopped }) => stopped === undefined || typeof stopped === 'boolean',
};

/** Reads a line from a worker, which may be a stranger. @throws BadMessage for anything but a message */
export function readFromWorker(line: string): FromWorker {
  const message = parsed(line);
  const type: unknown = message.type;
  if (typeof type !== 'string' || !Object.hasOwn(checks, type) || !checks[type as FromWorker['type']](message)) {
    throw new BadMessage('it is no message of a worker');
  }
  return message as FromWorker;
}

/** Reads a line from the coordinator, which knows the token, so that its messages are taken as they are. */
export function readFromCoordinator(line: string): ToWorker {
  const message = parsed(line);
  if (typeof message.type !== 'string') throw new BadMessage('it is no message of the coordinator');
  return message as ToWorker;
}

function parsed(line: string): Fields {
  try {
    const message: unknown = JSON.parse(line);
    if (isRecord(message) && !Array.isArray(message)) return message;
  } catch {
    // As any other line that is no object.
  }
  throw new BadMessage('it is no JSON object');
}
