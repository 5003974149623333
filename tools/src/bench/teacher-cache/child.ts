/** Measures one case in a process of its own; the last line of its output is the measurement. */
import { start } from '../command-line';
import { type CacheCase, measureCache } from './measure';

start(async () => {
  const asked: CacheCase = JSON.parse(process.argv[2] ?? '');
  console.log(`\n${JSON.stringify(await measureCache(asked))}`);
});
