import { readFileSync, statfsSync } from 'node:fs';
import { cpus } from 'node:os';
import { memoryInUse } from './machine-memory';

/** Values by name. */
export type Sample = Readonly<Record<string, number>>;

/**
 * Returns a function that samples the machine and this process, under MLflow's names without `system/`. CPU utilization
 * is since the previous sample (of the process: 100 for one busy core), network traffic since this call. Values that
 * the system does not report are left out.
 * @param folder a folder on the disk to sample
 */
export function systemSampler(folder: string): () => Sample {
  let machine = processorTimes();
  let own = { ...process.cpuUsage(), at: performance.now() };
  const trafficBefore = networkTraffic();
  return () => {
    const times = processorTimes();
    const utilization = utilizationBetween(machine, times);
    machine = times;
    const at = performance.now();
    const { user, system } = process.cpuUsage(own);
    const elapsed = at - own.at;
    own = { ...process.cpuUsage(), at };
    const memory = memoryInUse();
    return {
      ...(utilization !== undefined && { cpu_utilization_percentage: utilization }),
      system_memory_usage_megabytes: memory.used / 1e6,
      system_memory_usage_percentage: (100 * memory.used) / memory.total,
      ...(elapsed > 0 && { process_cpu_utilization_percentage: (user + system) / 10 / elapsed }),
      process_memory_usage_megabytes: process.memoryUsage.rss() / 1e6,
      ...diskUsage(folder),
      ...trafficSince(trafficBefore),
    };
  };
}

/** Milliseconds of all processors since the machine's start. */
interface ProcessorTimes {
  readonly busy: number;
  readonly total: number;
}

/**
 * Percent of busy processor time; undefined if no time was counted between the samples: the system counts hundredths of
 * a second, and a virtual machine's clock may stand still or even run back.
 */
export function utilizationBetween(before: ProcessorTimes, now: ProcessorTimes): number | undefined {
  const total = now.total - before.total;
  return total > 0 ? Math.min(100, Math.max(0, (100 * (now.busy - before.busy)) / total)) : undefined;
}

function processorTimes(): ProcessorTimes {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { busy: total - idle, total };
}

function diskUsage(folder: string): Sample {
  try {
    const { blocks, bfree, bavail, bsize } = statfsSync(folder);
    const used = (blocks - bfree) * bsize;
    const available = bavail * bsize;
    return {
      ...(used + available > 0 && { disk_usage_percentage: (100 * used) / (used + available) }),
      disk_usage_megabytes: used / 1e6,
      disk_available_megabytes: available / 1e6,
    };
  } catch {
    return {};
  }
}

interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** Undefined except on Linux. */
function networkTraffic(): Traffic | undefined {
  try {
    return parseTraffic(readFileSync('/proc/net/dev', 'utf8'));
  } catch {
    return undefined;
  }
}

function trafficSince(before: Traffic | undefined): Sample {
  const now = networkTraffic();
  if (before === undefined || now === undefined) return {};
  return {
    network_receive_megabytes: Math.max(0, now.received - before.received) / 1e6,
    network_transmit_megabytes: Math.max(0, now.sent - before.sent) / 1e6,
  };
}

/** Sums the bytes of all interfaces in /proc/net/dev except the loopback interface. */
export function parseTraffic(text: string): Traffic {
  let received = 0;
  let sent = 0;
  for (const line of text.split('\n')) {
    const [, name, numbers] = /^\s*([^\s:]+):\s*(\d.*)$/.exec(line) ?? [];
    if (name === undefined || numbers === undefined || name === 'lo') continue;
    const values = numbers.split(/\s+/).map(Number);
    received += values[0] ?? 0;
    sent += values[8] ?? 0;
  }
  return { received, sent };
}
