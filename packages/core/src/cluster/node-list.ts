/**
 * The first node of a Slurm node list: `node[01-03,07],other` is node01.
 * Undefined for a text that is no node list.
 */
export function firstNode(list: string): string | undefined {
  // Up to the first comma outside brackets.
  const [first = ''] = /^(?:[^,[\]]|\[[^[\]]*\])+/.exec(list.trim()) ?? [];
  const rest = list.trim().slice(first.length);
  if (first === '' || (rest !== '' && !rest.startsWith(','))) return undefined;
  const name = first.replace(/\[([^[\]]*)\]/g, (_all, ranges: string) => /^\d+/.exec(ranges)?.[0] ?? '[');
  return /^[\w.-]+$/.test(name) ? name : undefined;
}
