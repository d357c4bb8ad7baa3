import { describe } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { reconciling } from './reconciled.ts';

describe('on the embedded log', () => {
  reconciling(async () => {
    const { database, log } = await baldeDatabase();
    const remake = async (): Promise<EmbeddedLog> => {
      const topic = `(select id from balde_log.topic where name = '${POLICY_STATES.name}')`;
      for (const table of ['message', 'partition', 'producer', 'cursor'])
        await database.execute(`delete from balde_log.${table} where topic_id = ${topic}`);
      await database.execute(`delete from balde_log.topic where name = '${POLICY_STATES.name}'`);
      const anew = new EmbeddedLog(database);
      await anew.ensureTopic(POLICY_STATES);
      return anew;
    };
    return { database, log, remake };
  });
});
