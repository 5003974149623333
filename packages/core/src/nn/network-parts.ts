/** What a network may have besides its backbone. The names of a part's variables start with its own: `head.weight`. */
const additions = ['head', 'projection', 'bottleneck', 'teacher_space', 'teacher_head'] as const;

export type NetworkPart = 'backbone' | (typeof additions)[number];

/** The part of a network that a variable belongs to, by its name with or without the network's root. */
export function partOf(name: string): NetworkPart {
  const own = name.slice(name.lastIndexOf('/') + 1);
  return additions.find((part) => own.startsWith(`${part}.`)) ?? 'backbone';
}
