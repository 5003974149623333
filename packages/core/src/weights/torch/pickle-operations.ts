/** Reads pickles: Python's operations by their code (Lib/pickletools.py describes them). */
import type { Cursor } from '../cursor';
import { PickleMachine, type PickleRules } from './pickle-machine';
import { Tuple } from './pickle-values';

type PickleOperation = (machine: PickleMachine) => void;

const stop = 0x2e;

// Python reads longer numbers, but weights have none, and they take quadratic time.
const longestNumber = 1024;

/** A number where it is exact, else a bigint. */
function whole(value: bigint): number | bigint {
  const short = Number(value);
  return Number.isSafeInteger(short) ? short : value;
}

function long(machine: PickleMachine, length: number): number | bigint {
  if (length < 0 || length > longestNumber) throw machine.refuse(`its pickle has a number of ${length} bytes`);
  const bytes = machine.input.take(length);
  if (length === 0) return 0;
  const hex = Buffer.from(bytes).reverse().toString('hex');
  return whole(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
}

function decimal(machine: PickleMachine, text: string): number | bigint {
  const digits = text.replace(/L$/, '');
  if (!/^[-+]?\d+$/.test(digits) || digits.length > longestNumber) throw machine.refuse('its pickle has a bad number');
  return whole(BigInt(digits.replace(/^\+/, '')));
}

function fractional(machine: PickleMachine, text: string): number {
  const special = /^([-+]?)(inf|nan)$/.exec(text);
  const value = special
    ? (special[1] === '-' ? -1 : 1) * (special[2] === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN)
    : Number(text);
  if (text.trim() === '' || (Number.isNaN(value) && !special)) throw machine.refuse('its pickle has a bad number');
  return value;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** A string as Python 2's repr writes it. */
function quoted(machine: PickleMachine, text: string): string {
  const inner = /^(['"])(.*)\1$/s.exec(text)?.[2];
  if (inner === undefined) throw machine.refuse('its pickle has a bad string');
  return inner.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16)) : (escapes[escaped] ?? escaped),
  );
}

const rawUnicode = (text: string) =>
  text.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

const name = (value: unknown): string => (typeof value === 'string' ? value : '');

function reduce(machine: PickleMachine): void {
  const args = machine.popArguments();
  machine.call(machine.pop(), args);
}

function newObjectWithKeywords(machine: PickleMachine): void {
  const keywords = machine.pop();
  if (!(keywords instanceof Map) || keywords.size > 0) throw machine.refuse('its pickle calls something with keywords');
  reduce(machine);
}

function keep(machine: PickleMachine, index: number): void {
  machine.memo.set(index, machine.top());
}

function tuple(count: number): PickleOperation {
  return (machine) => machine.push(new Tuple(Array.from({ length: count }, () => machine.pop()).reverse()));
}

function text(encoding: 'utf8' | 'latin1', length: (machine: PickleMachine) => number): PickleOperation {
  return (machine) => machine.push(machine.input.take(length(machine)).toString(encoding));
}

function bytes(length: (machine: PickleMachine) => number): PickleOperation {
  return (machine) => machine.push(machine.input.take(length(machine)));
}

/** Python 2's strings are bytes, which Latin-1 text keeps. */
function python2String(machine: PickleMachine): void {
  const taken = machine.input.take(machine.input.uint(4));
  const asBytes = taken.length >= (machine.rules.bytesFrom ?? Number.POSITIVE_INFINITY);
  machine.push(asBytes ? taken : taken.toString('latin1'));
}

const uint = (size: number) => (machine: PickleMachine) => machine.input.uint(size);
const uint64 = (machine: PickleMachine) => machine.input.uint64();

/** The protocol 0 integers 00 and 01 are False and True. */
function integerLine(machine: PickleMachine): void {
  const line = machine.input.line();
  machine.push(line === '00' ? false : line === '01' ? true : decimal(machine, line));
}

const byName: Readonly<Record<string, PickleOperation>> = {
  '(': (machine) => machine.mark(),
  '0': (machine) => machine.popOrUnmark(),
  '1': (machine) => void machine.popToMark(),
  '2': (machine) => machine.push(machine.top()),
  F: (machine) => machine.push(fractional(machine, machine.input.line())),
  G: (machine) => machine.push(machine.input.take(8).readDoubleBE(0)),
  I: integerLine,
  J: (machine) => machine.push(machine.input.int32()),
  K: (machine) => machine.push(machine.input.byte()),
  L: (machine) => machine.push(decimal(machine, machine.input.line())),
  M: (machine) => machine.push(machine.input.uint(2)),
  N: (machine) => machine.push(null),
  P: (machine) => machine.persistent(machine.input.line()),
  Q: (machine) => machine.persistent(machine.pop()),
  R: reduce,
  S: (machine) => machine.push(quoted(machine, machine.input.line())),
  T: python2String,
  U: text('latin1', uint(1)),
  V: (machine) => machine.push(rawUnicode(machine.input.line())),
  X: text('utf8', uint(4)),
  B: bytes(uint(4)),
  C: bytes(uint(1)),
  a: (machine) => {
    const value = machine.pop();
    machine.append([value]);
  },
  b: (machine) => machine.build(),
  c: (machine) => machine.push(machine.global(machine.input.line(), machine.input.line())),
  d: (machine) => {
    const items = machine.popToMark();
    machine.push(new Map());
    machine.setItems(items);
  },
  '}': (machine) => machine.push(new Map()),
  e: (machine) => machine.append(machine.popToMark()),
  g: (machine) => machine.recall(Number(decimal(machine, machine.input.line()))),
  h: (machine) => machine.recall(machine.input.byte()),
  j: (machine) => machine.recall(machine.input.uint(4)),
  i: (machine) => machine.call(machine.global(machine.input.line(), machine.input.line()), machine.popToMark()),
  l: (machine) => machine.push(machine.popToMark()),
  ']': (machine) => machine.push([]),
  o: (machine) => {
    const [callee, ...args] = machine.popToMark();
    machine.call(callee, args);
  },
  p: (machine) => keep(machine, Number(decimal(machine, machine.input.line()))),
  q: (machine) => keep(machine, machine.input.byte()),
  r: (machine) => keep(machine, machine.input.uint(4)),
  s: (machine) => {
    const value = machine.pop();
    const key = machine.pop();
    machine.setItems([key, value]);
  },
  t: (machine) => machine.push(new Tuple(machine.popToMark())),
  ')': tuple(0),
  u: (machine) => machine.setItems(machine.popToMark()),
};

const byCode: Readonly<Record<number, PickleOperation>> = {
  // The protocol's number does not matter: all operations are known.
  128: (machine) => void machine.input.byte(),
  129: reduce,
  133: tuple(1),
  134: tuple(2),
  135: tuple(3),
  136: (machine) => machine.push(true),
  137: (machine) => machine.push(false),
  138: (machine) => machine.push(long(machine, machine.input.byte())),
  139: (machine) => machine.push(long(machine, machine.input.int32())),
  140: text('utf8', uint(1)),
  141: text('utf8', uint64),
  142: bytes(uint64),
  143: (machine) => machine.push(new Set()),
  144: (machine) => machine.append(machine.popToMark()),
  145: (machine) => machine.push(new Set(machine.popToMark())),
  146: newObjectWithKeywords,
  147: (machine) => {
    const own = name(machine.pop());
    machine.push(machine.global(name(machine.pop()), own));
  },
  148: (machine) => keep(machine, machine.memo.size),
  149: (machine) => void machine.input.take(8),
  150: bytes(uint64),
};

/** By code. NEWOBJ (129) equals REDUCE here, because neither runs code. Extensions and outside buffers are not supported. */
const pickleOperations: readonly (PickleOperation | undefined)[] = Array.from(
  { length: 256 },
  (_, code) => byCode[code] ?? byName[String.fromCharCode(code)],
);

/** Reads the pickle at the cursor and leaves the cursor behind it. @throws UserError when anything in it is wrong */
export function readPickle(input: Cursor, rules: PickleRules): unknown {
  const machine = new PickleMachine(input, rules);
  for (;;) {
    machine.spend(1);
    const code = input.byte();
    if (code === stop) return machine.pop();
    const operation = pickleOperations[code];
    if (!operation) throw machine.refuse(`its pickle has the unknown operation ${code}`);
    operation(machine);
  }
}
