/** The line of the user's code that runs at the moment: the first stack frame outside tfjs and `runtime/`. */
import { dirname, relative, sep } from 'node:path';

export interface CallSite {
  /** `file:line`, relative to the working directory. */
  toString(): string;
}

// Up to fifty frames of tfjs, with nested scopes and gradients, lie between a step and the binding.
const depth = 100;

let reading = 0;

/** True while a stack becomes text: source-map then calls Math.random to shuffle lists before it sorts them. */
export const isReadingStack = (): boolean => reading > 0;

/** Captures the stack in microseconds; its text, which costs a hundred times as much, is made by `toString`. */
export function callSite(): CallSite {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, callSite);
  Error.stackTraceLimit = before;
  // The text has the lines of the sources: jest and register.cjs both map them back.
  const text = (): string => {
    reading++;
    try {
      return caller(trace.stack ?? '');
    } finally {
      reading--;
    }
  };
  return { toString: text };
}

function caller(stack: string): string {
  for (const line of stack.split('\n')) {
    const [, file, row] = /^\s+at (?:.* \()?(?:file:\/\/)?(.+?):(\d+):\d+\)?$/.exec(line) ?? [];
    if (file && row && isUsers(file)) return `${relative(process.cwd(), file)}:${row}`;
  }
  return 'an unknown line';
}

// tfjs's source maps name files that its package does not contain.
const tfjs = /(^|[\\/])tfjs-\w+[\\/]src[\\/]/;

function isUsers(file: string): boolean {
  if (file.startsWith('node:') || tfjs.test(file) || file.includes(`${sep}node_modules${sep}`)) return false;
  return !file.startsWith(dirname(__dirname) + sep) || /(\.test|-fixture)\.ts$/.test(file);
}
