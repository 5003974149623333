import { type CaseName, headshareStep } from './cases';
import { type Measurement, measure, median } from './measurement';
import { plainStep } from './plain';

/** Measures one way to run one case in a process of its own: `child.ts CASE BATCH STEPS WAY`; a line of JSON. */
async function main(): Promise<void> {
  const [name = '', batchText = '', stepsText = '', way = ''] = process.argv.slice(2);
  const [batch, steps] = [Number(batchText), Number(stepsText)];
  const step =
    way === 'plain' ? plainStep(name as CaseName, batch) : headshareStep(name as CaseName, batch, way === 'fused');
  const measured = await measure(step.run, steps, batch);
  const result: Measurement =
    way === 'compiled' && step.callEmpty
      ? { ...measured, emptyCallSeconds: await callSeconds(step.callEmpty) }
      : measured;
  console.log(JSON.stringify(result));
}

async function callSeconds(call: () => Promise<unknown>): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < 40; i++) {
    const started = performance.now();
    await call();
    seconds.push((performance.now() - started) / 1000);
  }
  return median(seconds.slice(10));
}

main();
