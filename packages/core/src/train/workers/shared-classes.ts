import { LostPeers } from '../../runtime/cluster';
import type { Program } from '../../runtime/program';
import type { StateVariable } from '../../runtime/state';
import { UserError } from '../../system/user-error';
import type { ShardPlace } from '../class-shards';
import { ClassesDealtAnew, type SharedClasses } from './group';
import { type TableExchange, tableExchange } from './table-exchange';

/** What shared classes need of the group that shares them. */
export interface SharingGroup {
  readonly program: Program;
  readonly label: string;
  /** Slices of a batch. */
  readonly slices: number;
  readonly isHome: boolean;
  readonly signal: AbortSignal;
  readonly isTable: (entry: StateVariable) => boolean;
  isChanging(): boolean;
  /** Forms the group. */
  form(): Promise<void>;
  place(): ShardPlace;
  group(): Int32Array;
  exchange(value: unknown): Promise<ReadonlyMap<number, unknown>>;
  gather(values: Float32Array): Promise<Float32Array>;
}

/** For how long workers that cannot share a batch's slices evenly wait for others. */
const patience = 60_000;
const pause = 200;

export function sharedClasses(sharing: SharingGroup): SharedClasses {
  const { program, label, slices, isHome, signal, isTable, isChanging, place } = sharing;
  let tables: TableExchange | undefined;
  const exchanged = (): TableExchange => {
    tables ??= tableExchange(program, { label, place: place(), isHome, group: sharing.group(), isTable });
    return tables;
  };

  async function form(): Promise<ShardPlace> {
    const end = performance.now() + patience;
    for (;;) {
      await sharing.form();
      const { of } = place();
      if (slices % of === 0) return place();
      while (!isChanging()) {
        signal.throwIfAborted();
        if (performance.now() > end) {
          throw new UserError(
            `${of} workers cannot share ${slices} slices evenly, as --shard-classes needs: --accumulate must be a multiple of the number of workers`,
            1,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  return {
    form,
    async agree({ save, stop }) {
      const all = await sharing.gather(Float32Array.of(Number(save), Number(stop), Number(isChanging())));
      const wanted = (which: number) => all.some((value, i) => i % 3 === which && value !== 0);
      return { save: wanted(0), stop: wanted(1), change: wanted(2) };
    },
    async deal(whole) {
      try {
        const answers = await sharing.exchange(whole !== undefined);
        if ([...answers.values()].includes(true)) await exchanged().deal(whole);
      } catch (error) {
        if (error instanceof LostPeers) throw new ClassesDealtAnew({ cause: error });
        throw error;
      }
    },
    collect: (folder) => exchanged().collect(folder),
  };
}
