import { connectToRealServer } from '../test/real-server';
import { connect, freePort, getVersion, isHealthy } from './index';

test('a server tells its health and version', async () => {
  expect(await isHealthy(connectToRealServer())).toBe(true);
  expect(await getVersion(connectToRealServer())).toMatch(/^3\./);
  expect(await isHealthy(connect(`http://127.0.0.1:${await freePort()}`))).toBe(false);
});
