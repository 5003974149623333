import type { Membership } from '../system/membership';
import type { ToWorker } from './messages';

/** A worker, as the forming of generations sees it. */
export interface Participant {
  readonly task: number;
  readonly isHome: boolean;
  /** HOST:PORT of its TensorFlow server. */
  readonly address: string;
  send(message: ToWorker): void;
}

/** Milliseconds. */
export const times = {
  /** Between two voluntary changes: workers that re-form more often than they finish a step get nowhere. */
  betweenChanges: 1000,
  /** From the first worker that is quiet to the end of the others' patience with a step that it will not join. */
  escalation: 500,
  /** Workers that finish together leave together: nobody forms anew for the last. */
  leaving: 300,
  /** Who notices a lost worker before the coordinator does waits for the coordinator. Doubles with each failure in a row. */
  again: 300,
  againMost: 5000,
} as const;

export interface FormationRules {
  /** A number that no generation had before. */
  readonly nextGeneration: () => number;
  /** The fewest workers that compute. */
  readonly minWorkers: number;
  /** Milliseconds for which the first generation waits for workers that are expected. */
  readonly patience: number;
  /** Whether nobody is expected any more. */
  readonly isComplete: (members: number) => boolean;
  readonly log: (line: string) => void;
}

/**
 * The workers that train under one label, and the forming of their generations in three phases: all are quiet, all
 * enable, all go. With two phases some would enable anew while others still ask for buffers of the old generation, which
 * crashes TensorFlow.
 */
export class Formation {
  private readonly members = new Map<number, Participant>();
  private generation = 0;
  private phase: 'idle' | 'quiet' | 'enabling' | 'formed' = 'idle';
  /** The members of the present generation. */
  private current: readonly Participant[] = [];
  /** Tasks of the last generation that went: its collectives may be in flight. */
  private running = new Set<number>();
  private readonly answered = new Set<number>();
  /** Whether a quiet worker holds the training's state. */
  private isStateHere = false;
  private readonly exchanges = new Map<string, Map<number, unknown>>();
  private change: 'none' | 'voluntary' | 'urgent' = 'none';
  private firstEntered = 0;
  private lastChange = Number.NEGATIVE_INFINITY;
  private wentAt = 0;
  private failuresInARow = 0;
  /** Whether a generation has gone: collectives may be in flight. */
  hasFormed = false;
  private saidFew = 0;
  private isLeaving = false;
  private readonly timers = new Map<'change' | 'escalation' | 'leaving' | 'again', NodeJS.Timeout>();

  constructor(private readonly rules: FormationRules) {}

  get size(): number {
    return this.members.size;
  }

  has(task: number): boolean {
    return this.members.has(task);
  }

  /** A newcomer, or somebody who was silent for a while. */
  enter(worker: Participant): void {
    if (this.members.size === 0 && !this.hasFormed) this.firstEntered = performance.now();
    this.members.set(worker.task, worker);
    this.require('voluntary');
  }

  /** An orderly end of the work; the worker sends nothing more to the generation. */
  leave(task: number): void {
    if (!this.members.delete(task)) return;
    this.running.delete(task);
    this.isLeaving = true;
    this.after('leaving', Math.max(times.leaving, this.lastChange + times.betweenChanges - performance.now()), () =>
      this.require('urgent'),
    );
    this.consider();
  }

  /** The worker is dead, frozen or cut off. */
  lose(task: number): void {
    if (!this.members.delete(task)) return;
    this.running.delete(task);
    if (this.current.some((one) => one.task === task)) this.require('urgent');
    else this.consider();
  }

  /** @param hasState the worker holds the training's state: the others need not wait for home */
  quiet(task: number, generation: number, hasState: boolean): void {
    if (generation !== this.generation || this.phase !== 'quiet') return;
    this.answered.add(task);
    this.isStateHere ||= hasState;
    if (!this.timers.has('escalation')) this.after('escalation', times.escalation, () => this.escalate());
    this.enableIfQuiet();
  }

  enabled(task: number, generation: number): void {
    if (generation !== this.generation || this.phase !== 'enabling') return;
    this.answered.add(task);
    if (this.answered.size < this.current.length) return;
    this.phase = 'formed';
    this.hasFormed = true;
    this.wentAt = performance.now();
    this.running = new Set(this.current.map((one) => one.task));
    this.tell({ type: 'go', generation });
    this.consider();
  }

  /** Collectives or enabling of the generation failed for this worker, although it knows of no change. */
  again(task: number, generation: number): void {
    if (generation !== this.generation || !this.members.has(task) || this.timers.has('again')) return;
    if (performance.now() - this.wentAt > times.againMost) this.failuresInARow = 0;
    const pause = this.isLeaving ? 0 : Math.min(times.again * 2 ** this.failuresInARow, times.againMost);
    this.after('again', pause, () => {
      if (generation !== this.generation) return;
      if (!this.isLeaving) this.failuresInARow++;
      if (this.failuresInARow === 4) {
        const addresses = this.current.map((one) => one.address).join(', ');
        this.rules.log(`Workers fail to reach each other again and again; can all of them connect to ${addresses}?`);
      }
      this.require('urgent');
    });
  }

  exchange(task: number, generation: number, label: string, value: unknown): void {
    if (generation !== this.generation || this.phase !== 'formed') return;
    const values = this.exchanges.get(label) ?? new Map<number, unknown>();
    this.exchanges.set(label, values.set(task, value));
    if (!this.current.every((one) => values.has(one.task))) return;
    this.exchanges.delete(label);
    const sorted = [...values].sort(([a], [b]) => a - b);
    this.tell({ type: 'gathered', generation, label, values: sorted });
  }

  /** Whoever is expected has come, or is expected no more. */
  reconsider(): void {
    this.consider();
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private require(change: 'voluntary' | 'urgent'): void {
    if (this.change !== 'urgent') this.change = change;
    this.consider();
  }

  /** Begins to form if something has changed, and nothing has to be waited for. */
  private consider(): void {
    this.stop('change');
    if (this.members.size === 0) {
      this.forget();
      return;
    }
    const now = performance.now();
    if (this.change === 'none') return;
    if (this.change === 'voluntary') {
      // Let it finish: those who are enabled would have to be so again.
      if (this.phase === 'enabling') return;
      if (this.phase === 'formed') {
        if (this.isUnchanged()) {
          this.change = 'none';
          return;
        }
        const pause = this.lastChange + times.betweenChanges - now;
        if (pause > 0) {
          this.after('change', pause, () => this.consider());
          return;
        }
      }
    }
    if (!this.hasFormed && !this.rules.isComplete(this.members.size)) {
      const pause = this.firstEntered + this.rules.patience - now;
      if (pause > 0) {
        this.after('change', pause, () => this.consider());
        return;
      }
    }
    this.begin();
  }

  private begin(): void {
    const isUrgent = this.change === 'urgent';
    this.close();
    this.exchanges.clear();
    this.answered.clear();
    this.isStateHere = false;
    this.change = 'none';
    this.isLeaving = false;
    this.lastChange = performance.now();
    this.generation = this.rules.nextGeneration();
    this.phase = 'quiet';
    this.current = [...this.members.values()].sort((a, b) => a.task - b.task);
    for (const one of this.current) {
      // Who missed a forming is in collectives that nobody will answer.
      one.send({ type: 'form', generation: this.generation, now: isUrgent || !this.running.has(one.task) });
    }
  }

  /** Some are quiet, so that no step of the others can end. */
  private escalate(): void {
    if (this.phase !== 'quiet') return;
    for (const one of this.current) {
      if (!this.answered.has(one.task)) one.send({ type: 'form', generation: this.generation, now: true });
    }
  }

  private enableIfQuiet(): void {
    if (this.answered.size < this.current.length) return;
    // All stay quiet until somebody comes where nobody has the state, which home reads from its files, or too few are here.
    if (!this.isStateHere && !this.current.some((one) => one.isHome)) return;
    if (this.current.length < this.rules.minWorkers) {
      this.sayFew(this.current.length);
      return;
    }
    this.saidFew = 0;
    this.answered.clear();
    this.phase = 'enabling';
    this.tell({ type: 'enable', ...this.membership() });
  }

  /** Once for each number of workers: each of their comings and goings begins a forming. */
  private sayFew(workers: number): void {
    if (this.saidFew === workers) return;
    this.saidFew = workers;
    const are = workers === 1 ? '1 worker is' : `${workers} workers are`;
    this.rules.log(`Training waits: ${are} here, and --min-workers wants ${this.rules.minWorkers}.`);
  }

  private membership(): Membership {
    return { generation: this.generation, members: this.current.map(({ task, address }) => ({ task, address })) };
  }

  private isUnchanged(): boolean {
    return this.current.length === this.members.size && this.current.every((one) => this.members.get(one.task) === one);
  }

  private forget(): void {
    this.close();
    this.phase = 'idle';
    this.change = 'none';
    this.current = [];
    this.running = new Set();
    this.hasFormed = false;
    this.isLeaving = false;
    this.exchanges.clear();
  }

  private tell(message: ToWorker): void {
    for (const one of this.current) one.send(message);
  }

  private after(name: 'change' | 'escalation' | 'leaving' | 'again', milliseconds: number, run: () => void): void {
    this.stop(name);
    this.timers.set(
      name,
      setTimeout(() => {
        this.timers.delete(name);
        run();
      }, milliseconds),
    );
  }

  private stop(name: 'change' | 'escalation' | 'leaving' | 'again'): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}
