/** Where in the user's code something happens: the first frame that is neither tfjs's nor of this folder. */
import { dirname, relative, sep } from 'node:path';

export interface CallSite {
  /** `file:line`, relative to the working directory. */
  toString(): string;
}

// Between a step and the binding lie up to some fifty frames of tfjs: scopes in scopes, gradients in gradients.
const depth = 100;

let reading = 0;

/** True while a stack is made into text, which is when source-map shuffles what it sorts: by Math.random. */
export const isReadingStack = (): boolean => reading > 0;

/** Takes the stack, in microseconds; the text, which costs a hundred times as much, is made when it is asked for. */
export function callSite(): CallSite {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, callSite);
  Error.stackTraceLimit = before;
  // The stack's text has the source's lines: jest and @swc-node/register both map them back.
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

// tfjs's source maps name files that its package does not have.
const tfjs = /(^|[\\/])tfjs-\w+[\\/]src[\\/]/;

function isUsers(file: string): boolean {
  if (file.startsWith('node:') || tfjs.test(file) || file.includes(`${sep}node_modules${sep}`)) return false;
  return !file.startsWith(dirname(__dirname) + sep) || /(\.test|-fixture)\.ts$/.test(file);
}
