import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeAndPlace } from './place';

const folder = mkdtempSync(join(tmpdir(), 'headshare-place-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  '%s leaves nothing behind',
  async (signal, code) => {
    const target = join(folder, 'stopped.onnx');
    const work = `
    const { writeAndPlace } = require(${JSON.stringify(join(__dirname, 'place.ts'))});
    writeAndPlace(${JSON.stringify(target)}, false, async (save) => {
      save([{ path: 'stopped.onnx', parts: ['model'] }]);
      console.log('written');
      await new Promise((done) => setTimeout(done, 60_000));
    });`;
    const child = spawn(process.execPath, ['-r', join(__dirname, '../../register.cjs'), '-e', work], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    expect(readdirSync(folder)).toEqual([`.stopped.onnx.${child.pid}.partial`]);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([code, null]);
    expect(readdirSync(folder)).toEqual([]);
  },
  60_000,
);

test('what killed processes left of the same target is removed, and nothing else', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const kept = [
    `.a.onnx.${process.ppid}.partial`,
    `.b.onnx.${dead.pid}.partial`,
    '.a.onnx.mine.partial',
    `.a.onnx.${dead.pid}`,
  ];
  for (const name of [...kept, `.a.onnx.${dead.pid}.partial`]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.onnx'), '');
  }
  const listeners = process.listenerCount('SIGINT');
  await writeAndPlace(join(folder, 'a.onnx'), false, async (save) => {
    save([{ path: 'a.onnx', parts: ['model'] }]);
    expect(process.listenerCount('SIGINT')).toBe(listeners + 1);
  });
  expect(process.listenerCount('SIGINT')).toBe(listeners);
  expect(readdirSync(folder).sort()).toEqual([...kept, 'a.onnx'].sort());
});
