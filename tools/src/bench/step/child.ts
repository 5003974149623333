import { type CaseName, headshareStep, stepCases } from './cases';

/** Times one way of running one case in a process of its own: `child.ts CASE WAY BATCH STEPS`, a line of JSON. */
async function main(): Promise<void> {
  const [name = '', way = '', batchText = '', stepsText = ''] = process.argv.slice(2);
  const batch = Number(batchText);
  const step = headshareStep(name as CaseName, batch, way === 'fused');
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < Number(stepsText); i++) {
    const started = performance.now();
    const cpu = process.cpuUsage();
    losses.push(await step.run());
    const used = process.cpuUsage(cpu);
    cpuSeconds.push((used.user + used.system) / 1e6);
    seconds.push((performance.now() - started) / 1000);
  }
  const [first = Number.NaN, ...rest] = seconds;
  const timed = rest.slice(3).sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      case: name,
      way,
      batch,
      imagesPerSecondMedian: batch / (timed[Math.floor(timed.length / 2)] ?? Number.NaN),
      imagesPerSecondBest: batch / (timed[0] ?? Number.NaN),
      cpuSecondsBest: Math.min(...cpuSeconds.slice(4)),
      firstSeconds: first,
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
      losses: [losses[0], losses[1], losses.at(-1)],
    }),
  );
}

void stepCases;
main();
