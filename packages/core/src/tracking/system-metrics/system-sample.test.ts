import { tmpdir } from 'node:os';
import { parseTraffic, systemSampler, utilizationBetween } from './system-sample';

test("samples the machine and this process under MLflow's names", () => {
  const sample = systemSampler(tmpdir());
  // Samples until the system has counted some processor time: a virtual machine's clock may stand still for a while.
  let values = sample();
  for (const until = Date.now() + 20_000; values.cpu_utilization_percentage === undefined && Date.now() < until; ) {
    values = sample();
  }
  expect(Object.keys(values).sort()).toEqual(
    [
      'cpu_utilization_percentage',
      'disk_available_megabytes',
      'disk_usage_megabytes',
      'disk_usage_percentage',
      ...(process.platform === 'linux' ? ['network_receive_megabytes', 'network_transmit_megabytes'] : []),
      'process_cpu_utilization_percentage',
      'process_memory_usage_megabytes',
      'system_memory_usage_megabytes',
      'system_memory_usage_percentage',
    ].sort(),
  );
  for (const [name, value] of Object.entries(values)) {
    expect(value).toBeGreaterThanOrEqual(0);
    if (name.endsWith('percentage') && !name.startsWith('process')) expect(value).toBeLessThanOrEqual(100);
  }
  const { process_memory_usage_megabytes: own = 0, system_memory_usage_megabytes: all = 0 } = values;
  expect(own).toBeGreaterThan(10);
  expect(all).toBeGreaterThan(0);
});

test.each([
  ['half busy', { busy: 60, total: 120 }, 50],
  ['no counted time', { busy: 10, total: 20 }, undefined],
  ['idle time that decreases', { busy: 40, total: 40 }, 100],
  ['busy time that decreases', { busy: 9, total: 40 }, 0],
])("the processors' utilization: %s", (_, now, expected) => {
  expect(utilizationBetween({ busy: 10, total: 20 }, now)).toBe(expected);
});

test('a missing folder has no disk metrics', () => {
  expect(Object.keys(systemSampler('/no/such/folder')())).not.toContain('disk_usage_megabytes');
});

test('sums the traffic of all interfaces except loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 14361093    7451    0    0    0     0          0         0 14361093    7451    0    0    0     0       0          0
  eth0:    1000      10    0    0    0     0          0         0      200      2    0    0    0     0       0          0
wlan0.5:30 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0
`;
  expect(parseTraffic(text)).toEqual({ received: 1030, sent: 204 });
  expect(parseTraffic('')).toEqual({ received: 0, sent: 0 });
});
