import { describe, expect, it } from 'vitest';
import { loadCheckpoints, moveCheckpoints } from '../../src/store/checkpoints.ts';
import { CheckpointConflictError } from '../../src/store/errors.ts';
import { loadStates, stateParts } from '../../src/store/foldStates.ts';
import { migrate } from '../../src/store/migrate.ts';
import { numberOutbox, outboxParts, raiseOutboxSequence } from '../../src/store/outbox.ts';
import { runParts } from '../../src/store/parts.ts';
import { emptyDatabase } from '../support/database.ts';

const { url, database } = await emptyDatabase();
await migrate(url);
await database.execute('create schema fold_v1');
await database.execute('create table fold_v1.fold_state (key text primary key, state jsonb not null)');
const FOLD = { name: 'fold', version: 1 };
await loadCheckpoints(database, FOLD, 2);
await raiseOutboxSequence(database, 'topic', 0);

/** What a processor commits in one statement. */
const commit = async (from: string | null, to: string) =>
  await runParts(database, [
    moveCheckpoints(FOLD, new Map([[1, from]]), new Map([[1, to]])),
    ...stateParts('fold_v1', new Map([['key', { at: to }]])),
    ...outboxParts([{ topic: 'topic', key: 'key', properties: { to }, eventTime: 1_000, payload: Buffer.from(to) }]),
  ]);

const found = async () => ({
  checkpoint: (await loadCheckpoints(database, FOLD, 2)).get(1),
  state: (await loadStates(database, 'fold_v1', ['key'])).get('key'),
  outbox: (await numberOutbox(database, 'topic', 10)).entries.map(({ properties }) => properties['to']),
});

describe('parts of one statement [FOLD-2]', () => {
  it('take effect together, and none does when the checkpoint was moved by someone else', async () => {
    await commit(null, '0001');
    await commit('0001', '0002');
    const both = { checkpoint: '0002', state: { at: '0002' }, outbox: ['0001', '0002'] };
    expect(await found()).toEqual(both);
    await expect(commit('0001', '0003')).rejects.toThrow(CheckpointConflictError);
    expect(await found()).toEqual(both);
  });

  it('are nothing to do when there is none', async () => {
    await runParts(database, [...stateParts('fold_v1', new Map()), ...outboxParts([])]);
  });
});
