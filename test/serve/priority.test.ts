import { getPriority } from 'node:os';
import { expect, it } from 'vitest';
import { run } from '../support/running.ts';
import { baldeDatabase } from '../support/database.ts';

const { url } = await baldeDatabase();
const environment = { DATABASE_URL: url, PARTICIPANT: '12345678', BRIDGE_ADDRESS: '127.0.0.1:1' };

const priorityOf = async (roles: string): Promise<number> => {
  const running = run(['start', '--roles', roles], environment);
  await running.says(/http:\/\//);
  const priority = getPriority(running.pid);
  await running.stop();
  return priority;
};

it('a process with role http alone gives way to those that work; one that works does not [PAGE-31]', async () => {
  const own = getPriority();
  expect(await priorityOf('http')).toBe(Math.max(own, 10));
  expect(await priorityOf('http,states')).toBe(own);
});
