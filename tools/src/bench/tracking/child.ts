import { measureSending } from './measure-sending';
import { measureSteps } from './measure-steps';

/** Measures in a process of its own: `child.ts steps|sending CASE`, the case as JSON; a line of JSON. */
async function main(): Promise<void> {
  const [kind, text = ''] = process.argv.slice(2);
  const asked = JSON.parse(text);
  console.log(JSON.stringify(kind === 'steps' ? await measureSteps(asked) : await measureSending(asked)));
}

main();
