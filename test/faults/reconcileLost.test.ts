/** The reactor brings its states in line with the topic, and the answer to that transaction is lost. */
import { expect, test } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { Reconciler } from '../../src/app/reconcile.ts';
import type { Database } from '../../src/store/database.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { observed } from '../support/observations.ts';
import { baldeDatabase } from '../support/database.ts';
import { publish, recorder } from './inProcess.ts';
import { start } from './restoring.ts';

test('[DOM-8] a state that begins anew is told of, although the answer to its commit was lost', async () => {
  const { database, log } = await baldeDatabase();
  const fold = alertingReactor(DEFAULT_RULES);
  const processes = start(database, log, DEFAULT_RULES);
  await publish(log, [observed('X', 0, 10)]);
  await processes.settle();
  const [open] = await database.query<{ key: string; state: object }>('select * from alerting_v1.fold_state');
  await publish(log, [observed('X', 1, 90)]);
  await processes.settle();
  await processes.stop();
  // Over on the topic, and open here.
  await database.execute('update alerting_v1.fold_state set state = $1', [JSON.stringify(open?.state)]);

  let isLost = false;
  const losing: Database = {
    ...database,
    transaction: async (work) => {
      const result = await database.transaction(work);
      const [anew] = await database.query(`select from alerting_v1.fold_state where state->'open' = 'null'::jsonb`);
      if (isLost || anew === undefined) return result;
      isLost = true;
      throw new DatabaseUnavailableError('the answer was lost');
    },
  };
  const effects = { outbox: () => [], committed: () => undefined };
  const options = { log, fold, rules: DEFAULT_RULES, effects, observer: recorder() };
  const reconciler = new Reconciler({ ...options, database: losing });
  for (let p = 0; p < (await log.partitions(fold.topic)); p += 1) reconciler.taken(p);
  const { signal } = new AbortController();
  await expect(reconciler.run(signal)).rejects.toBeInstanceOf(DatabaseUnavailableError);
  // The processor forgets the states that it remembers.
  expect(await reconciler.run(signal)).toBe('changed');
  expect(await reconciler.run(signal)).toBe('unchanged');
});
