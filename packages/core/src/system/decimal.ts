/**
 * Reads a number in decimal notation: `12`, `-0.5`, `1e-3`. Undefined for any other text, also for those that Number()
 * takes: '', ' 5', '0x10', 'Infinity'. A number beyond the doubles is infinite, -0 is 0.
 */
export function decimal(text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  return Number(text) + 0;
}
