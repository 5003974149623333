import type { Constant } from './constant';
import type { Layer, Setting } from './layer';

export type Own = Layer<string>;
export type Theirs = Layer<Constant>;

/** What is done to each channel by itself, in the order of computation. */
export interface Steps {
  /** norm, scale, offset, scalar */
  readonly steps: readonly Theirs[];
  /** The layer that they follow. */
  readonly core: Theirs;
}

const stepKinds = new Set(['norm', 'scale', 'offset', 'scalar']);

export function withoutSteps(layer: Theirs): Steps {
  const steps: Theirs[] = [];
  let core = layer;
  while (stepKinds.has(core.kind)) {
    steps.unshift(core);
    core = core.inputs[0] as Theirs;
  }
  return { steps, core };
}

/** Whether a layer's weights can contain what follows it channel by channel. */
export const holdsSteps = ({ kind }: Layer<unknown>): boolean => kind === 'convolution' || kind === 'linear';

interface Comparison {
  readonly isEqual: boolean;
  /** The number of layers that are equal, from this one towards the input. */
  readonly equal: number;
  /** The first difference, as a clause. */
  readonly difference: string;
  /** The inputs correspond in exchanged order. */
  readonly exchanged: boolean;
}

/**
 * Compares two networks layer by layer along the data flow, from an output to the input. Weights may differ; everything else
 * may not. Sums and products are equal in either order.
 */
export class LayerComparison {
  private readonly known = new Map<Own, Map<Theirs, Comparison>>();

  /** @param name our network's, for messages */
  constructor(private readonly name: string) {}

  of(own: Own, theirs: Theirs): Comparison {
    const before = this.known.get(own)?.get(theirs);
    if (before) return before;
    const made = this.compare(own, theirs);
    const row = this.known.get(own) ?? new Map<Theirs, Comparison>();
    this.known.set(own, row.set(theirs, made));
    return made;
  }

  private compare(own: Own, theirs: Theirs): Comparison {
    const { core } = withoutSteps(theirs);
    if (own.kind === 'norm') {
      const [input] = own.inputs as [Own];
      if (core === theirs && !holdsSteps(input)) return this.differs(own, theirs);
      return holdsSteps(input) ? this.ofKind(input, core) : this.counted([this.of(input, core)], own);
    }
    if (holdsSteps(own) || own.kind === 'images') return this.ofKind(own, core);
    return this.ofKind(own, theirs);
  }

  private ofKind(own: Own, theirs: Theirs): Comparison {
    if (own.kind !== theirs.kind || own.inputs.length !== theirs.inputs.length) return this.differs(own, theirs);
    for (const [name, value] of Object.entries(own.settings)) {
      const other = theirs.settings[name];
      if (!isSame(value, other)) {
        return wrong(
          `its ${theirs.at} has ${name} ${shownSetting(other)}, and ${this.name} has ${shownSetting(value)} in ${placeOf(own)}`,
        );
      }
    }
    if (own.shape.join() !== theirs.shape.join()) {
      return wrong(
        `its ${theirs.at} gives [${theirs.shape}] an image, and ${this.name} has [${own.shape}] in ${placeOf(own)}`,
      );
    }
    const pairs = own.inputs.map((one, i): [Own, Theirs] => [one, theirs.inputs[i] as Theirs]);
    const straight = this.counted(this.all(pairs), own);
    if (straight.isEqual || (own.kind !== 'add' && own.kind !== 'multiply')) return straight;
    const [first, second] = theirs.inputs as [Theirs, Theirs];
    const turned = this.counted(
      this.all([
        [own.inputs[0] as Own, second],
        [own.inputs[1] as Own, first],
      ]),
      own,
    );
    if (turned.isEqual) return { ...turned, exchanged: true };
    return turned.equal > straight.equal ? turned : straight;
  }

  /** Stops at the first difference. */
  private all(pairs: readonly (readonly [Own, Theirs])[]): Comparison[] {
    const made: Comparison[] = [];
    for (const [own, theirs] of pairs) {
      made.push(this.of(own, theirs));
      if (!made.at(-1)?.isEqual) break;
    }
    return made;
  }

  private counted(inputs: readonly Comparison[], _: Own): Comparison {
    const equal = 1 + inputs.reduce((sum, one) => sum + one.equal, 0);
    const last = inputs.at(-1);
    const isEqual = last?.isEqual ?? true;
    return {
      isEqual,
      equal: Math.min(equal, Number.MAX_SAFE_INTEGER),
      difference: last?.difference ?? '',
      exchanged: false,
    };
  }

  private differs(own: Own, theirs: Theirs): Comparison {
    return wrong(`it has ${theirs.at} (${theirs.kind}) where ${this.name} has ${describe(own)}`);
  }
}

const wrong = (difference: string): Comparison => ({ isEqual: false, equal: 0, difference, exchanged: false });

/** Numbers are equal to float32's precision. An infinite bound is equal to itself alone. */
function isSame(a: Setting, b: Setting | undefined): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return String(a) === String(b);
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Object.is(a, b);
  return a === b || Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
}

const shownSetting = (value: Setting | undefined): string =>
  Array.isArray(value)
    ? `[${value}]`
    : typeof value === 'number'
      ? String(Number(value.toPrecision(6)))
      : String(value);

/** The layer's name, or the nearest one before it. */
function placeOf(own: Own): string {
  let at = own;
  while (Object.keys(at.weights).length === 0 && at.inputs[0]) at = at.inputs[0];
  return at === own ? own.at : at.kind === 'images' ? 'its first layer' : `the ${own.kind} after ${at.at}`;
}

function describe(own: Own): string {
  const place = placeOf(own);
  return place === own.at ? `${place} (${own.kind})` : place;
}
