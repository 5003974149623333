/** `child.ts TASK`: one of the processes that bench-scale measures; see ways.ts. */
import { createInterface } from 'node:readline';
import { enableCollectives } from '@headshare/core/runtime/cluster';
import {
  groupInput,
  instanceOf,
  type SumType,
  sumExactly,
  sumOverMembers,
} from '@headshare/core/runtime/ops/collective';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor, tf } from '@headshare/core/runtime/tensorflow';
import type { Reduction } from '@headshare/core/train/sums';
import { start } from '../command-line';
import { secondsOf } from '../measurement';
import { headshareStep, stepCases } from '../step/cases';
import type { Answer, ChildTask, Question, StepWay, Way } from './ways';

/** The first calls prepare and are not counted. */
const uncounted = 4;

interface Runner {
  run(): Promise<unknown>;
  /** Whether the processes wait for each other each time, and not once only. */
  readonly isApart?: boolean;
}

async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '') as ChildTask;
  const { index, addresses, ways } = task;
  if (addresses.length > 0) {
    tf.backend();
    enableCollectives({ generation: 1, members: addresses.map((address, i) => ({ task: i, address })) }, index);
  }
  const group = Int32Array.of(Math.max(1, addresses.length), 1);
  const inputs = { group: groupInput };
  const program = new Program(new State());
  const barrier = program.define('barrier', inputs, (given) => ({
    there: sumExactly(tf.ones([1]), given.group, instanceOf('barrier')),
  }));
  const meet = async (): Promise<void> => {
    if (addresses.length > 0) await barrier({ group });
  };
  const runners = new Runners(task, group);
  for (const [i, way] of ways.entries()) {
    const { run } = runners.make(i, way);
    await meet();
    await secondsOf(run, uncounted);
  }
  console.log(JSON.stringify('ready'));
  for await (const line of createInterface({ input: process.stdin })) {
    const { way, times } = JSON.parse(line) as Question;
    const { run, isApart = false } = runners.at(way);
    await meet();
    const before = process.cpuUsage();
    const seconds: number[] = [];
    for (let i = 0; i < (isApart ? times : 1); i++) {
      if (i > 0) await meet();
      seconds.push(...(await secondsOf(run, isApart ? 1 : times)));
    }
    const { user, system } = process.cpuUsage(before);
    const answer: Answer = { seconds, cpuSeconds: (user + system) / 1e6 / times };
    console.log(JSON.stringify(answer));
  }
  process.exit(0);
}

class Runners {
  private readonly made = new Map<number, Runner>();
  /** The sizes of the vectors that a shared step reduces, by the kind of its sums. */
  private readonly vectors = new Map<SumType, number[]>();

  constructor(
    private readonly task: ChildTask,
    private readonly group: Int32Array,
  ) {}

  at(i: number): Runner {
    const found = this.made.get(i);
    if (!found) throw new Error(`There is no way ${i}.`);
    return found;
  }

  make(i: number, way: Way): Runner {
    const runner = this.runner(`way-${i}`, way);
    this.made.set(i, runner);
    return runner;
  }

  private runner(label: string, way: Way): Runner {
    if (way.kind === 'hop') return this.sums(label, [1], 'float32');
    if (way.kind === 'step') {
      if (way.as === 'traffic')
        return this.sums(label, this.vectors.get(way.sums ?? 'exact') ?? [], way.sums ?? 'exact');
      return this.step(label, way);
    }
    if (way.sums === 'gloo') throw new Error('gloo is asked of PyTorch.');
    return this.sums(label, [Math.round((way.megabytes * 2 ** 20) / Float32Array.BYTES_PER_ELEMENT)], way.sums);
  }

  private step(label: string, { case: name, batch, as }: StepWay): Runner {
    const compiled = { eager: false, recompute: false, precision: 'float32' } as const;
    if (as === 'alone') return headshareStep(stepCases[name], batch, compiled);
    const { addresses, index } = this.task;
    const workers = addresses.length;
    const reduction = as === 'local' ? unreduced : this.reduction(label, as as SumType);
    return headshareStep(stepCases[name], batch * workers, compiled, { workers, index, reduction });
  }

  /** As trainings reduce. */
  private reduction(label: string, sums: SumType): Reduction<{ group: typeof groupInput }> {
    return {
      inputs: { group: groupInput },
      values: () => ({ group: this.group }),
      sum: (pairs, { group }) => {
        this.vectors.set(
          sums,
          pairs.map(({ hi }) => hi.size),
        );
        return pairs.map((pair, i) => sumOverMembers(pair, { group, sums }, instanceOf(`${label}/${i}`)));
      },
      merge: (own, { group }) => sumExactly(own, group, instanceOf(`${label}/merge`)),
    };
  }

  /** Sums of vectors over all processes, and nothing else. */
  private sums(label: string, sizes: readonly number[], sums: SumType): Runner {
    const state = new State();
    const vector = (name: string, size: number, value: number) =>
      state.declare(name, 'slot', [size], new Float32Array(size).fill(value));
    const pairs = sizes.map((size, i) => ({ hi: vector(`hi/${i}`, size, 1), lo: vector(`lo/${i}`, size, 1e-9) }));
    const run = new Program(state).define(label, { group: groupInput }, ({ group }) => {
      const firsts = pairs.map((pair, i): Tensor => {
        const total = sumOverMembers(pair, { group, sums }, instanceOf(`${label}/${i}`));
        return tf.slice(total, [0], [1]);
      });
      return { firsts: tf.concat(firsts) };
    });
    return { run: () => run({ group: this.group }), isApart: true };
  }
}

/** A process's own sums. */
const unreduced: Reduction = {
  inputs: {},
  values: () => ({}),
  sum: (pairs) => pairs.map(({ hi }) => hi),
  merge: (own) => own,
};

start(main);
