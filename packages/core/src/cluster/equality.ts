import type { Hello, Parts } from './messages';

/** Says which part of a worker's stage differs from home's; undefined if none does. */
export function difference(parts: Parts, home: Parts): string | undefined {
  const shown = (value: string | undefined): string =>
    value === undefined ? 'none' : value.length > 60 ? `${value.slice(0, 57)}...` : value;
  const names = [...new Set([...Object.keys(home), ...Object.keys(parts)])];
  const name = names.find((one) => parts[one] !== home[one]);
  if (name === undefined) return undefined;
  return `the part '${name}' differs from the home worker's (${shown(parts[name])} instead of ${shown(home[name])})`;
}

/** What makes a worker's results differ from home's in their last bits. */
export function inequalities(worker: Hello, home: Hello): readonly string[] {
  const properties = [
    ['CPU', worker.cpu, home.cpu],
    ['number of threads', worker.threads, home.threads],
  ] as const;
  return properties.flatMap(([name, text, of]) =>
    text === of
      ? []
      : [`has another ${name} than home ('${text}', home '${of}'): results are the same to rounding only.`],
  );
}
