/** `child.ts FILE FUNCTION JSON`: calls an exported function and prints its result as the last line, in JSON. */
import { start } from './command-line';

start(async () => {
  const [file = '', name = '', asked = ''] = process.argv.slice(2);
  const { [name]: measure } = require(file) as Record<string, (asked: unknown) => Promise<unknown>>;
  console.log(`\n${JSON.stringify(await measure?.(JSON.parse(asked)))}`);
});
