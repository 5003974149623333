import { type CaseName, headshareStep } from './cases';
import { type Measurement, measure, median, secondsOf } from './measurement';
import { plainStep } from './plain';

/** Measures one way to run one case in a process of its own: `child.ts CASE BATCH STEPS WAY`; a line of JSON. */
async function main(): Promise<void> {
  const [name = '', batchText = '', stepsText = '', way = ''] = process.argv.slice(2);
  const [batch, steps] = [Number(batchText), Number(stepsText)];
  const step =
    way === 'plain'
      ? plainStep(name as CaseName, batch)
      : headshareStep(name as CaseName, batch, {
          eager: way === 'fused',
          recompute: way === 'recompute',
          precision: way === 'bfloat16' ? 'bfloat16' : 'float32',
        });
  const measured = await measure(step.run, steps, batch);
  const result: Measurement =
    way === 'compiled' && step.callEmpty
      ? { ...measured, emptyCallSeconds: median((await secondsOf(step.callEmpty, 40)).slice(10)) }
      : measured;
  console.log(JSON.stringify(result));
}

main();
