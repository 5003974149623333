import { readFileSync, statfsSync } from 'node:fs';
import { cpus } from 'node:os';
import { memoryInUse } from './machine-memory';

/** Numbers by name. */
export type Sample = Readonly<Record<string, number>>;

/**
 * Looks at the machine and at this process, by MLflow's names without `system/`. Shares of processors' time are those
 * since the look before, traffic that since the first: `process_cpu_utilization_percentage` is 100 for one core busy.
 * What the system does not tell is left out. @param folder whose disk is looked at
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

/** Milliseconds that all processors have spent since the machine started. */
interface ProcessorTimes {
  readonly busy: number;
  readonly total: number;
}

/**
 * Percent of the processors' time that was busy; undefined where no time has been counted: the system counts in
 * hundredths of a second, and a virtual machine's host gives it none now and then. Its idle time may even run back.
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

/** Bytes over all interfaces in the text of /proc/net/dev, but for the loopback one: that is not the network. */
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
