/** For tests: runs a command's `main`, and returns its output to both streams, in order. */
export function runCommand(
  main: (argv: readonly string[], print: (line: string) => void) => number,
  argv: readonly string[],
): { readonly exitCode: number; readonly text: string } {
  const lines: string[] = [];
  const errors = jest.spyOn(console, 'error').mockImplementation((line) => lines.push(line));
  const exitCode = main(argv, (line) => lines.push(line));
  errors.mockRestore();
  return { exitCode, text: lines.join('\n') };
}

/** `runCommand` for a `main` that returns a promise. */
export async function runAsyncCommand(
  main: (argv: readonly string[], print: (line: string) => void) => Promise<number>,
  argv: readonly string[],
): Promise<{ readonly exitCode: number; readonly text: string }> {
  const lines: string[] = [];
  const errors = jest.spyOn(console, 'error').mockImplementation((line) => lines.push(line));
  const exitCode = await main(argv, (line) => lines.push(line));
  errors.mockRestore();
  return { exitCode, text: lines.join('\n') };
}
