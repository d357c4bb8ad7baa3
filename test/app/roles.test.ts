/** Roles of one process, and what they stand on. */
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { runRoles } from '../../src/app/roles.ts';
import { baldeDatabase } from '../support/database.ts';

const { url, database, log } = await baldeDatabase();
const logger = pino({ level: 'silent' });
const never = new AbortController().signal;

describe('[PUL-20] what the roles stand on is gone', () => {
  test('they drain, and the process ends with why: it is not cut off in the middle', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const config = loadConfig({ PARTICIPANT: '12345678', BRIDGE_ADDRESS: '127.0.0.1:1' });
    const gone = new Error('the namespace belongs to another database');
    const storage = {
      ...{ database, log, databaseOptions: { url }, description: '', logDescription: '' },
      watch: async () => Promise.reject(gone),
      close: async () => Promise.resolve(),
    };
    await expect(runRoles({ config, storage, logger, roles: ['alerting'] }, never)).rejects.toBe(gone);
    expect(unhandled).toEqual([]);
  });
});
