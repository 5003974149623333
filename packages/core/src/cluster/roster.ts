import { addressText, isLoopback } from './addresses';
import { difference, inequalities } from './equality';
import { Formation, type Participant } from './formation';
import { homeStopped } from './lost';
import { type FromWorker, type Hello, type Parts, protocolVersion, type ToWorker } from './messages';

/** Milliseconds after which a worker that sends no heartbeat is lost. */
const silence = 1500;
const checkEvery = 250;

export interface RosterOptions {
  /** The workers that the first generation waits for. */
  readonly expected: number;
  readonly minWorkers: number;
  /** Seconds: the first generation's for expected workers, and everybody's for home. */
  readonly patience: number;
  /** The host of workers on this machine, whom the coordinator sees on loopback, for those on other machines. */
  readonly localHost?: string;
  readonly log: (line: string) => void;
  /** Whether somebody will start home again when it is gone. */
  readonly bringsHomeBack?: () => boolean;
  /** Home has been silent for all the patience. */
  readonly onFrozenHome?: (pid: number) => void;
}

export interface Worker extends Participant {
  readonly hello: Hello;
  readonly host: string;
  port: number;
  connection: Connection;
  lastHeard: number;
  isSilent: boolean;
  /** What it wants to enter, or has entered. */
  label: string | undefined;
  parts: Parts;
}

export interface Connection {
  send(message: ToWorker): void;
  end(): void;
}

interface Group {
  readonly formation: Formation;
  /** Home's parts of the stage's identity. */
  parts: Parts | undefined;
}

const otherVersion = 'this worker and the coordinator run different versions of headshare';

/** Everything that the coordinator knows: who is there, the groups, and home's notice board. */
export class Roster {
  /** By session. */
  private readonly workers = new Map<string, Worker>();
  private readonly tasks = new Map<string, number>();
  private readonly groups = new Map<string, Group>();
  private readonly board = new Map<string, unknown>();
  /** Labels that home has left. */
  private readonly finished = new Set<string>();
  private generation = 0;
  private expected: number;
  private ended: ToWorker | undefined;
  private homeGoneAt: number | undefined;
  private lastCheck = performance.now();
  private readonly timer = setInterval(() => this.check(), checkEvery);

  constructor(private readonly options: RosterOptions) {
    this.expected = options.expected;
  }

  present(): readonly Worker[] {
    return [...this.workers.values()];
  }

  /** A launcher on another machine brings workers. */
  announced({ protocol, workers }: FromWorker & { type: 'announce' }, connection: Connection): void {
    if (protocol !== protocolVersion) connection.send({ type: 'refused', why: otherVersion });
    else {
      this.expected += workers;
      connection.send(this.ended ?? { type: 'ping' });
    }
    connection.end();
  }

  /** Takes a worker, or refuses it. */
  admit(hello: Hello, seen: string, connection: Connection): Worker | undefined {
    const refuse = (message: ToWorker): undefined => {
      connection.send(message);
      connection.end();
    };
    if (hello.protocol !== protocolVersion) return refuse({ type: 'refused', why: otherVersion });
    if (this.ended) return refuse(this.ended);
    const home = this.present().find((one) => one.isHome);
    if (hello.isHome && home && home.hello.session !== hello.session) {
      return refuse({ type: 'refused', why: 'the run has a home worker already' });
    }
    const before = this.workers.get(hello.session);
    if (before) this.lost(before, before.connection);
    const task = this.tasks.get(hello.session) ?? this.tasks.size;
    this.tasks.set(hello.session, task);
    const host = isLoopback(seen) ? (this.options.localHost ?? seen) : seen;
    const worker: Worker = {
      hello,
      task,
      isHome: hello.isHome,
      host,
      port: 0,
      get address() {
        return addressText({ host, port: this.port });
      },
      connection,
      lastHeard: performance.now(),
      isSilent: false,
      label: undefined,
      parts: {},
      send: (message) => connection.send(message),
    };
    this.workers.set(hello.session, worker);
    if (hello.isHome) this.homeGoneAt = undefined;
    else if (home) {
      for (const line of inequalities(hello, home.hello)) this.options.log(`Worker ${task} (${host}) ${line}`);
    }
    worker.send({ type: 'welcome', task, host });
    for (const [key, value] of this.board) worker.send({ type: 'board', key, value });
    return worker;
  }

  /** The connection is closed. */
  lost(worker: Worker, connection: Connection): void {
    if (worker.connection !== connection || this.workers.get(worker.hello.session) !== worker) return;
    this.workers.delete(worker.hello.session);
    if (worker.isHome && !this.ended) this.homeGoneAt = performance.now();
    this.groupOf(worker)?.formation.lose(worker.task);
    this.tidy(worker.label);
    this.reconsider();
    connection.end();
  }

  heard(worker: Worker, message: FromWorker): void {
    if (this.workers.get(worker.hello.session) !== worker) return;
    worker.lastHeard = performance.now();
    if (worker.isSilent) {
      worker.isSilent = false;
      this.options.log(`Worker ${worker.task} is back.`);
      if (worker.isHome) this.homeGoneAt = undefined;
      this.enter(worker);
    }
    const formation = this.groupOf(worker)?.formation;
    const { task } = worker;
    if (message.type === 'address') worker.port = message.port;
    else if (message.type === 'enter') {
      this.leave(worker);
      worker.label = message.label;
      worker.parts = message.parts;
      this.enter(worker);
    } else if (message.type === 'leave') {
      const { label } = worker;
      if (worker.isHome && label !== undefined) this.finished.add(label);
      this.leave(worker);
      // Where home leaves it out, nobody has to come to rest.
      if (!formation?.hasFormed) for (const one of this.present()) if (one.label === label) this.isFinished(one);
    } else if (message.type === 'quiet') {
      if (!this.isFinished(worker)) formation?.quiet(task, message.generation, message.hasState);
    } else if (message.type === 'enabled') formation?.enabled(task, message.generation);
    else if (message.type === 'again') formation?.again(task, message.generation);
    else if (message.type === 'exchange') formation?.exchange(task, message.generation, message.label, message.value);
    else if (message.type === 'post' && worker.isHome) this.post(message.key, message.value);
    else if (message.type === 'bye') this.bye(worker, message.stopped);
  }

  end(why?: string): void {
    this.ended ??= { type: 'end', ...(why !== undefined && { why }) };
    for (const worker of this.workers.values()) worker.send(this.ended);
  }

  close(): void {
    clearInterval(this.timer);
    for (const { formation } of this.groups.values()) formation.close();
  }

  private groupOf(worker: Worker): Group | undefined {
    return worker.label === undefined ? undefined : this.groups.get(worker.label);
  }

  /** Lets the worker into the group of its label as soon as home is there and has the same parts. */
  private enter(worker: Worker): void {
    if (worker.isHome) this.finished.delete(worker.label ?? '');
    if (worker.label === undefined || this.isFinished(worker)) return;
    const group = this.groups.get(worker.label) ?? this.newGroup(worker.label);
    if (worker.isHome) group.parts = worker.parts;
    this.join(worker, group);
    if (!worker.isHome) return;
    for (const other of this.present()) if (other.label === worker.label && !other.isHome) this.join(other, group);
  }

  private join(worker: Worker, { formation, parts }: Group): void {
    if (worker.label === undefined || parts === undefined || worker.isSilent) return;
    const why = difference(worker.parts, parts);
    if (why !== undefined) {
      formation.lose(worker.task);
      this.options.log(`Worker ${worker.task} (${worker.host}) may not take part: ${why}.`);
      worker.send({ type: 'refused', why });
      worker.label = undefined;
    } else if (!formation.has(worker.task)) {
      worker.send({ type: 'entered', label: worker.label });
      formation.enter(worker);
    }
  }

  private newGroup(label: string): Group {
    const formation = new Formation({
      nextGeneration: () => {
        // Who has not come by now is not waited for at the next stage.
        this.expected = 0;
        return ++this.generation;
      },
      minWorkers: this.options.minWorkers,
      patience: this.options.patience * 1000,
      isComplete: (members) => members >= Math.max(this.expected, this.present().filter((one) => !one.isSilent).length),
      log: this.options.log,
    });
    const group: Group = { formation, parts: undefined };
    this.groups.set(label, group);
    return group;
  }

  private leave(worker: Worker): void {
    const { label } = worker;
    if (label === undefined) return;
    this.groupOf(worker)?.formation.leave(worker.task);
    worker.label = undefined;
    worker.send({ type: 'left', label });
    this.tidy(label);
  }

  /** Sends a worker away that waits for home, if home will not come. */
  private isFinished(worker: Worker): boolean {
    const { label } = worker;
    if (label === undefined || !this.finished.has(label)) return false;
    this.groupOf(worker)?.formation.lose(worker.task);
    worker.label = undefined;
    worker.send({ type: 'over', label });
    this.tidy(label);
    return true;
  }

  /** Forgets a group that nobody is in. */
  private tidy(label: string | undefined): void {
    if (label === undefined || this.present().some((one) => one.label === label)) return;
    this.groups.get(label)?.formation.close();
    this.groups.delete(label);
  }

  /** Fewer workers may be waited for. */
  private reconsider(): void {
    for (const { formation } of this.groups.values()) formation.reconsider();
  }

  private post(key: string, value: unknown): void {
    this.board.set(key, value);
    for (const worker of this.workers.values()) worker.send({ type: 'board', key, value });
  }

  /** The worker's work is over, and with home's that of all. */
  private bye(worker: Worker, stopped = false): void {
    this.leave(worker);
    this.workers.delete(worker.hello.session);
    this.reconsider();
    if (worker.isHome) this.end(stopped ? homeStopped : undefined);
  }

  private check(): void {
    const now = performance.now();
    // After SIGCONT, or where the machine is overloaded, heartbeats wait to be read.
    const isLate = now - this.lastCheck > 3 * checkEvery;
    this.lastCheck = now;
    for (const worker of this.workers.values()) worker.send({ type: 'ping' });
    if (isLate || this.ended) return;
    for (const worker of this.workers.values()) {
      if (worker.isSilent || now - worker.lastHeard <= silence) continue;
      worker.isSilent = true;
      if (worker.isHome) this.homeGoneAt = now;
      this.options.log(`Worker ${worker.task} (${worker.host}) is silent; the others go on without it.`);
      this.groupOf(worker)?.formation.lose(worker.task);
      this.reconsider();
    }
    if (this.homeGoneAt !== undefined && now - this.homeGoneAt > this.options.patience * 1000) this.homeStaysAway(now);
  }

  private homeStaysAway(now: number): void {
    this.homeGoneAt = now;
    const home = this.present().find((one) => one.isHome);
    if (!this.options.bringsHomeBack?.()) {
      this.end(
        `The home worker, which keeps the run's files, has been away for ${this.options.patience} s. Run the same command again to resume.`,
      );
    } else if (home) this.options.onFrozenHome?.(home.hello.pid);
  }
}
