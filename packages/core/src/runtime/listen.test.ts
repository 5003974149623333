/** Who may connect to TensorFlow's server (packages/core/native/listen). */
import { connect } from 'node:net';
import { ClusterProcess, freePort } from '../../test/cluster-process';
import { serverProtection } from './native-addon';

const onLinux = process.platform === 'linux';
if (!onLinux) console.log('Not tested: only Linux can protect the server.');
const linuxTest = onLinux ? test : test.skip;

/** The bytes that a server sends to a connection from the loopback address `from` until it closes, or within `patience`. */
function answerTo(from: string, port: number, patience: number): Promise<number | 'closed'> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    const timer = setTimeout(() => socket.destroy(new Error(`No answer to ${from}.`)), patience);
    socket.on('data', ({ length }) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(length);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve('closed') : reject(error),
    );
    socket.on('close', () => {
      clearTimeout(timer);
      resolve('closed');
    });
  });
}

async function protectedServer(environment: NodeJS.ProcessEnv): Promise<ClusterProcess> {
  const server = new ClusterProcess({ task: 0, address: `127.0.0.1:${await freePort()}` }, environment);
  await server.ready;
  return server;
}

linuxTest(
  'a protected server listens on loopback only, and closes connections of strangers unanswered',
  async () => {
    const server = await protectedServer(serverProtection());
    const { address } = server.member;
    const port = Number(address.split(':')[1]);
    const answer = (from: string) => answerTo(from, port, 20_000);
    try {
      expect(await server.ask('protect', address, ['127.0.0.5:1'])).toBe(true);
      // Enabling names no member but the server itself.
      await server.enable(1, [server]);
      const [listener, ...more] = await server.ask<string[]>('listening');
      expect(more).toEqual([]);
      // 127.0.0.1 as an IPv4 address, or as the IPv6 address that stands for it.
      expect(listener).toMatch(
        new RegExp(`^(0000000000000000FFFF0000)?0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}$`),
      );
      expect(await answer('127.0.0.9')).toBe('closed');
      expect(await answer('127.0.0.5')).toBe('closed');
      expect(await answer('127.0.0.1')).toBeGreaterThan(0);
      expect(await server.ask('protect', address, ['127.0.0.5:1'])).toBe(true);
      expect(await answer('127.0.0.5')).toBeGreaterThan(0);
      expect(await answer('127.0.0.9')).toBe('closed');
      expect(await server.ask('run', 'train', 1)).toHaveProperty('sum');
    } finally {
      await server.end();
    }
  },
  120_000,
);

linuxTest(
  'without the library the protection is not in force, and says so',
  async () => {
    const server = await protectedServer({ LD_PRELOAD: '' });
    try {
      expect(await server.ask('protect', server.member.address, [])).toBe(false);
    } finally {
      await server.end();
    }
  },
  120_000,
);

linuxTest('the environment keeps what else is preloaded, and repeats nothing', () => {
  const { LD_PRELOAD: library = '' } = serverProtection({});
  expect(library).toMatch(/listen\.so$/);
  expect(serverProtection({ LD_PRELOAD: `/lib/a.so ${library}:/lib/b.so` })).toEqual({
    LD_PRELOAD: `${library}:/lib/a.so:/lib/b.so`,
  });
});
