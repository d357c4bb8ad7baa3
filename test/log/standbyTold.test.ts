import { expect, it } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { baldeDatabase } from '../support/database.ts';

const { database, log } = await baldeDatabase();

it('a consumer of which others have every partition is told so once, the first one is not [PUL-4]', async () => {
  const told: string[] = [];
  const { signal } = new AbortController();
  const open = async (own: EmbeddedLog, name: string) =>
    await own.consumer(POLICY_STATES.name, {
      subscription: {
        name: 'states-v1',
        resume: async () => Promise.resolve(null),
        onStandby: () => told.push(name),
      },
    });
  const other = new EmbeddedLog(database);
  const [first, second] = [await open(log, 'first'), await open(other, 'second')];
  await first.receive({ max: 1, waitMs: 0, signal });
  for (let turn = 0; turn < 3; turn += 1) await second.receive({ max: 1, waitMs: 0, signal });
  expect(told).toEqual(['second']);
  await second.close();
  await first.close();
  await other.close();
});
