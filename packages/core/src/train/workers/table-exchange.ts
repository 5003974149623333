/** Tables of which each worker holds some rows (--shard-classes): dealt from home's checkpoint, and collected for it. */
import { broadcastFrom, gatherMembers, groupInput, instanceOf, receive } from '../../runtime/ops/collective';
import { gatherColumns } from '../../runtime/ops/rows';
import type { CompiledStep, Program } from '../../runtime/program';
import { type StateVariable, shapeInFiles, type TablePart } from '../../runtime/state';
import type { StoredValues } from '../../runtime/stored-values';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../runtime/tensorflow';
import { openScratchFile, type ScratchFile } from '../../system/scratch-file';
import { bytesInPieces } from '../../weights/file-bytes';
import { heldClasses, type ShardPlace } from '../class-shards';
import type { Tables } from './group';

export interface TableExchange {
  /** Home's whole tables come to all: each keeps its own rows. @param whole undefined in workers that are not home */
  deal(whole: ReadonlyMap<string, StoredValues> | undefined): Promise<void>;
  /** Home gets the whole tables, in a file in this folder: no process holds one whole. */
  collect(folder: string): Promise<Tables>;
}

interface TableExchangeOptions {
  /** Names the collective operations. */
  readonly label: string;
  readonly place: ShardPlace;
  readonly isHome: boolean;
  /** See `groupInput`. */
  readonly group: Int32Array;
  readonly isTable: (entry: StateVariable) => boolean;
}

type Table = StateVariable & { readonly part: TablePart };

/** Values of a table that travel at once. */
const blockSize = 1 << 20;

/**
 * Of the state's variables of which this process holds a part. In files they are [inputs, rows of the table], and a few of the
 * file's rows travel at a time: each member has some columns of them.
 */
export function tableExchange(program: Program, options: TableExchangeOptions): TableExchange {
  const { label, place, isHome, group, isTable } = options;
  const { state } = program;
  const tables = () => state.all().filter((entry): entry is Table => entry.part !== undefined && isTable(entry));
  const collectSteps = new Map<string, ReturnType<typeof collectStep>>();

  /** In home: sends the whole table. */
  async function send(name: string, table: StoredValues): Promise<void> {
    const [inputs, columns] = table.shape as [number, number];
    const rows = rowsAtOnce(inputs, columns);
    const block = { dtype: 'float32', shape: [rows, columns] } as const;
    const step = program.define(`deal-${name}`, { block, group: groupInput }, ({ block, group }) =>
      needing(broadcastFrom(block, group, instanceOf(`${label}/deal/${name}`))),
    );
    for (let row = 0; row < inputs; row += rows) {
      await step({ block: table.read(row * columns, (row + rows) * columns), group });
    }
  }

  async function take(entry: Table): Promise<void> {
    const { name, part, shape } = entry;
    const [inputs, columns] = shapeInFiles(entry) as [number, number];
    const count = shape[0] as number;
    const rows = rowsAtOnce(inputs, columns);
    const step = program.define(`take-${name}`, { group: groupInput }, ({ group }) => {
      const block = receive([rows, columns], group, instanceOf(`${label}/deal/${name}`));
      return { own: tf.slice(block, [0, part.from], [rows, count]) };
    });
    const values = new Float32Array(inputs * count);
    for (let row = 0; row < inputs; row += rows) values.set((await step({ group })).own, row * count);
    state.set(name, { shape: [inputs, count], values });
    // At once: the next table's steps free the eager values of all tables.
    program.push();
  }

  /** A step that gives home some rows of all members' columns, padded to the `widest`. */
  function collectStep({ name, variable, shape }: Table, rows: number, widest: number) {
    const inputs = { which: { dtype: 'int32', shape: [rows] }, group: groupInput } as const;
    return program.define(`collect-${name}`, inputs, ({ which, group }) => {
      const own = gatherColumns(variable as Tensor as Tensor2D, which as Tensor1D);
      const padded = tf.concat([own, tf.zeros([rows, widest - (shape[0] as number)])], 1);
      const all = gatherMembers(padded, group, instanceOf(`${label}/collect/${name}`), place.of);
      return { all: isHome ? all : needing(all).done };
    }) as CompiledStep<typeof inputs, 'all'>;
  }

  /** @param scratch home's; absent in other workers */
  async function collectOne(entry: Table, scratch: ScratchFile | undefined): Promise<StoredValues | undefined> {
    const { name } = entry;
    const [inputs, columns] = shapeInFiles(entry) as [number, number];
    const { of } = place;
    const shares = Array.from({ length: of }, (_, index) => heldClasses(columns, { index, of }));
    const widest = Math.max(...shares.map(({ count }) => count));
    const rows = rowsAtOnce(inputs, widest * of);
    const step = collectSteps.get(name) ?? collectStep(entry, rows, widest);
    collectSteps.set(name, step);
    const block = new Float32Array(scratch ? rows * columns : 0);
    let start: number | undefined;
    for (let row = 0; row < inputs; row += rows) {
      const { all } = await step({ which: Int32Array.from({ length: rows }, (_, i) => row + i), group });
      if (!scratch) continue;
      for (const [member, { from, count }] of shares.entries()) {
        for (let i = 0; i < rows; i++) {
          const at = (member * rows + i) * widest;
          block.set(all.subarray(at, at + count), i * columns + from);
        }
      }
      for (const bytes of bytesInPieces(block)) {
        const place = scratch.append(bytes);
        start ??= place;
      }
    }
    return scratch && storedIn(scratch, start ?? 0, [inputs, columns]);
  }

  return {
    async deal(whole) {
      for (const entry of tables()) {
        const table = whole?.get(entry.name);
        await (table ? send(entry.name, table) : take(entry));
      }
    },
    async collect(folder) {
      const scratch = isHome ? openScratchFile(folder) : undefined;
      const close = () => scratch?.close();
      try {
        const values = new Map<string, StoredValues>();
        for (const entry of tables()) {
          const table = await collectOne(entry, scratch);
          if (table) values.set(entry.name, table);
        }
        return { values, close };
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}

const storedIn = (scratch: ScratchFile, start: number, shape: readonly number[]): StoredValues => ({
  shape,
  read(from, to) {
    const values = new Float32Array(to - from);
    for (const bytes of bytesInPieces(values)) {
      scratch.read(bytes, start + from * 4 + (bytes.byteOffset - values.byteOffset));
    }
    return values;
  },
});

/** A scalar that needs the tensor: without an output that does, nothing travels. */
const needing = (x: Tensor) => ({ done: tf.mul(tf.slice(tf.reshape(x, [-1]), [0], [1]), 0) });

/** The largest divisor of all rows with which not too many values travel at once: a compiled step takes one shape. */
function rowsAtOnce(rows: number, columns: number): number {
  const most = Math.max(1, Math.min(rows, Math.floor(blockSize / columns)));
  for (let count = most; ; count--) if (rows % count === 0) return count;
}
