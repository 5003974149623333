import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import type { Membership } from '../system/membership';
import { UserError } from '../system/user-error';
import { addressText, freePort } from './addresses';
import { type Link, openLink } from './link';
import { LostGeneration, RunFinished, TrainingFinished } from './lost';
import type { Leaving, Member, MemberOptions } from './member';
import { type Parts, protocolVersion, type ToWorker } from './messages';

/** Tries of ports before `enable`'s error counts. */
const portTries = 5;

/**
 * Connects this process to the coordinator.
 * @throws UserError (exit code 1) if it cannot be reached or refuses this worker
 */
export async function joinCluster(options: MemberOptions): Promise<Member> {
  const member = new ConnectedMember(options);
  await member.welcomed;
  return member;
}

interface Waiter {
  readonly check: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class ConnectedMember implements Member {
  readonly isHome: boolean;
  readonly welcomed: Promise<void>;
  task = -1;
  address = '';
  formings = 0;
  private readonly session = randomUUID();
  private readonly link: Link;
  private readonly board = new Map<string, unknown>();
  private readonly posted = new Map<string, unknown>();
  private readonly listeners = new Set<(now: boolean) => void>();
  private readonly gathered = new Map<string, ReadonlyMap<number, unknown>>();
  private readonly waiters = new Set<Waiter>();
  private host = '';
  private port = 0;
  private isUp = false;
  /** Why nothing goes on. */
  private failure: Error | undefined;
  private group: { readonly label: string; readonly parts: Parts; hasEntered: boolean } | undefined;
  private refusal: string | undefined;
  /** The generation that has gone and is not over; 0: none. */
  private running = 0;
  /** The newest forming, if it is newer than `running`. */
  private forming: { readonly generation: number; now: boolean; membership?: Membership; went?: boolean } | undefined;
  private isReforming = false;

  constructor(private readonly options: MemberOptions) {
    this.isHome = options.isHome;
    this.link = openLink(options, {
      up: () => this.greet(),
      message: (message) => {
        this.take(message);
        this.wake();
      },
      down: () => {
        this.isUp = false;
        this.running = 0;
        this.forming = undefined;
        this.wake();
        this.tellListeners(true);
      },
      gone: (error) => this.fail(error),
    });
    this.welcomed = this.until(() => this.address !== '');
  }

  get changing(): boolean {
    return this.running === 0 || this.forming !== undefined || this.failure !== undefined;
  }

  async otherPort(): Promise<void> {
    this.port = await freePort(this.host).catch(() => freePort('0.0.0.0'));
    this.address = addressText({ host: this.host, port: this.port });
    this.link.send({ type: 'address', port: this.port });
  }

  async enter(label: string, parts: Parts): Promise<void> {
    if (this.group) throw new Error(`leave ${this.group.label} before entering ${label}`);
    const group = { label, parts, hasEntered: false };
    this.group = group;
    this.refusal = undefined;
    this.link.send({ type: 'enter', label, parts });
    await this.until(() => group.hasEntered || this.group !== group || this.refusal !== undefined);
    if (this.group !== group) throw new TrainingFinished(label);
    if (this.refusal === undefined) return;
    this.group = undefined;
    throw new UserError(`This worker cannot take part in ${label}: ${this.refusal}.`, 1);
  }

  async leave(): Promise<void> {
    const { group } = this;
    if (!group) return;
    this.link.send({ type: 'leave' });
    try {
      await this.until(() => this.group !== group || !this.isUp);
    } catch (error) {
      if (!(error instanceof RunFinished)) throw error;
    }
    this.forget();
  }

  onChange(listener: (now: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async reform(
    enable: (membership: Membership) => void | Promise<void>,
    { hasState = false }: { readonly hasState?: boolean } = {},
  ): Promise<Membership> {
    const { group } = this;
    if (!group?.hasEntered) throw new Error('enter a group before forming');
    if (this.isReforming) throw new Error('this process is forming already');
    this.isReforming = true;
    try {
      if (!this.forming && this.running > 0) this.link.send({ type: 'again', generation: this.running });
      for (let takenPorts = 0; ; ) {
        await this.until(() => this.forming !== undefined || this.group !== group);
        if (this.group !== group) throw new TrainingFinished(group.label);
        const { forming } = this;
        if (!forming) continue;
        const { generation } = forming;
        // A newer forming, or a lost connection, makes everything below begin again.
        const isOver = (): boolean => this.forming !== forming || this.group !== group;
        this.running = 0;
        this.link.send({ type: 'quiet', generation, hasState });
        await this.until(() => isOver() || forming.membership !== undefined);
        if (isOver() || !forming.membership) continue;
        try {
          await enable(forming.membership);
        } catch (error) {
          if (!isTakenPort(error) || ++takenPorts >= portTries) throw error;
          await this.otherPort();
          this.link.send({ type: 'again', generation });
          await this.until(isOver);
          continue;
        }
        if (isOver()) continue;
        this.link.send({ type: 'enabled', generation });
        await this.until(() => isOver() || forming.went === true);
        if (isOver()) continue;
        this.forming = undefined;
        this.running = generation;
        this.formings++;
        return forming.membership;
      }
    } finally {
      this.isReforming = false;
    }
  }

  async exchange(label: string, value: unknown): Promise<ReadonlyMap<number, unknown>> {
    const generation = this.running;
    const isLost = (): boolean => this.running !== generation || this.forming?.now === true;
    if (this.failure) throw this.failure;
    if (generation === 0 || isLost()) throw new LostGeneration();
    this.link.send({ type: 'exchange', generation, label, value });
    const key = `${generation} ${label}`;
    await this.until(() => this.gathered.has(key) || isLost());
    const values = this.gathered.get(key);
    this.gathered.delete(key);
    if (!values) throw new LostGeneration();
    return values;
  }

  post(key: string, value: unknown): void {
    if (!this.isHome) throw new Error('only home posts');
    this.posted.set(key, value);
    this.link.send({ type: 'post', key, value });
  }

  async read(key: string, test: (value: unknown) => boolean = () => true): Promise<unknown> {
    await this.until(() => this.board.has(key) && test(this.board.get(key)));
    return this.board.get(key);
  }

  peek(key: string): unknown {
    return this.board.get(key);
  }

  async close(how: Leaving = 'finished'): Promise<void> {
    if (how !== 'returns') this.link.send({ type: 'bye', stopped: how === 'stopped' });
    this.failure ??= new Error('this worker has left the cluster');
    this.wake();
    await this.link.close();
  }

  /** Says who this is, on a new connection. */
  private greet(): void {
    this.link.send({
      type: 'hello',
      protocol: protocolVersion,
      session: this.session,
      isHome: this.isHome,
      pid: process.pid,
      cpu: (cpus()[0]?.model ?? 'unknown').slice(0, 200),
      threads: String(this.options.threads),
    });
  }

  private take(message: ToWorker): void {
    const { group, forming } = this;
    if (message.type === 'welcome') this.welcome(message.task, message.host).catch((error) => this.fail(error));
    else if (message.type === 'entered') {
      if (group?.label === message.label) group.hasEntered = true;
    } else if (message.type === 'left' || message.type === 'over') {
      if (group?.label === message.label) this.forget();
    } else if (message.type === 'form') this.form(message.generation, message.now);
    else if (message.type === 'enable') {
      const { generation, members } = message;
      if (forming?.generation === generation) forming.membership = { generation, members };
    } else if (message.type === 'go') {
      if (forming?.generation === message.generation) forming.went = true;
    } else if (message.type === 'gathered') {
      const { generation, label, values } = message;
      if (generation === this.running) this.gathered.set(`${generation} ${label}`, new Map(values));
    } else if (message.type === 'board') this.board.set(message.key, message.value);
    else if (message.type === 'refused') {
      if (group && !group.hasEntered) this.refusal = message.why;
      else this.fail(new UserError(`The coordinator refuses this worker: ${message.why}.`, 1));
    } else if (message.type === 'end') {
      this.fail(message.why === undefined ? new RunFinished() : new UserError(message.why, 1));
    }
  }

  private async welcome(task: number, host: string): Promise<void> {
    this.task = task;
    this.host = host;
    this.isUp = true;
    if (this.port === 0) await this.otherPort();
    else this.link.send({ type: 'address', port: this.port });
    this.address = addressText({ host, port: this.port });
    for (const [key, value] of this.posted) this.link.send({ type: 'post', key, value });
    if (this.group) this.link.send({ type: 'enter', label: this.group.label, parts: this.group.parts });
    this.wake();
  }

  private form(generation: number, now: boolean): void {
    if (this.forming?.generation !== generation) {
      // Whoever had to stop at once still has to.
      this.forming = { generation, now: now || this.forming?.now === true };
    } else if (now && !this.forming.now) this.forming.now = true;
    else return;
    this.tellListeners(this.forming.now);
  }

  private tellListeners(now: boolean): void {
    for (const listener of this.listeners) listener(now);
  }

  private forget(): void {
    this.group = undefined;
    this.forming = undefined;
    this.running = 0;
    this.gathered.clear();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.wake();
    this.tellListeners(true);
  }

  /** Waits for a message that makes `check` true. @throws why nothing goes on */
  private until(check: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiters.add({ check, resolve, reject });
      this.wake();
    });
  }

  private wake(): void {
    for (const waiter of this.waiters) {
      if (waiter.check()) waiter.resolve();
      else if (this.failure) waiter.reject(this.failure);
      else continue;
      this.waiters.delete(waiter);
    }
  }
}

/** TensorFlow gives no code for it. */
const isTakenPort = (error: unknown): boolean =>
  Reflect.get(Object(error), 'code') === 'EADDRINUSE' ||
  /could not start grpc server|address already in use|has the port/i.test(
    String(Reflect.get(Object(error), 'message')),
  );
