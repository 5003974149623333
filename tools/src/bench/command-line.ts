/** What the benchmarks' command lines have in common. */

/** Ends the command for wrong usage. */
export function fail(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

/** The number that an option's text says. */
export function whole(option: string, text: string, least = 1): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    fail(`${option} must be a whole number of at least ${least}, got ${text}.`);
  return value;
}

/** Names of an option, separated by commas. */
export function listed(option: string, text: string, known: readonly string[]): string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`${option}: unknown '${unknown}'; known are ${known.join(', ')}.`);
  return names;
}

/** Runs a benchmark; what goes wrong is one sentence, of the program that it ran where that said one. */
export function start(main: () => Promise<void>): void {
  main().catch((error: Error & { stderr?: string }) => {
    console.error(error.stderr?.trim() || error.message);
    process.exit(1);
  });
}
