/** The small version of the kill test, and the way out that is no kill; for any log. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { emptyDatabase } from '../support/database.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';
import type { Backend } from './backend.ts';
import { ALL_ROLES, published, startWorld } from './world.ts';
import type { World } from './world.ts';

export function restartSuite(backend: () => Backend): void {
  let world: World;

  beforeEach(async () => {
    const { url } = await emptyDatabase();
    world = await startWorld(url, 7, backend());
  });

  afterEach(async () => {
    await world.stop();
  });

  const polled = async (more: number): Promise<void> => {
    const until = published(world.workers) + more;
    const isThere = async (): Promise<boolean> => Promise.resolve(published(world.workers) >= until);
    await eventually(`${more} more polls`, isThere, LONG_MS);
  };

  it('killed and started again it loses nothing and repeats no alert [OPS-3]', { timeout: 900_000 }, async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const worker = world.start(ALL_ROLES);
      await polled(12);
      worker.signal('SIGKILL');
      expect(await worker.exited).toBeNull();
    }
    const { observations, alerts } = await world.settle();
    expect(observations).toBeGreaterThanOrEqual(24 * 29);
    expect(alerts).toBeGreaterThan(10);
  });

  it(
    'told to stop under load it commits what it read, exits 0 and loses nothing [OPS-3]',
    { timeout: 900_000 },
    async () => {
      const worker = world.start(ALL_ROLES);
      await polled(20);
      worker.signal('SIGTERM');
      expect(await worker.exited).toBe(0);
      expect(worker.text.at(-1)).toBe('stopped: what was read is committed');
      expect(worker.lines.filter((line) => line.level === 'error' || line.level === 'fatal')).toEqual([]);
      const { observations, alerts } = await world.settle();
      // Nobody was killed, so every answer of the Bridge but the one under way is there.
      expect(observations).toBeGreaterThanOrEqual((world.served() - 1) * 29);
      expect(alerts).toBeGreaterThan(10);
    },
  );
}
