import { beforeAll, describe, expect, test } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { junk, settle, STATES_DLQ } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';

interface LetterJson {
  readonly id: string;
  readonly processor: string;
  readonly handled: { readonly action: string } | null;
}

interface ListJson {
  readonly letters: readonly LetterJson[];
  readonly more: number;
}

/** The processors that read observations. */
const READERS = FOLDS.filter(({ topic }) => topic === POLICY_STATES.name).map(({ name }) => name);

const on = (url: string) => ({
  run: async (...args: string[]) => await balde(['dead-letters', ...args], { DATABASE_URL: url }),
  list: async (...args: string[]) =>
    jsonOf<ListJson>(await balde(['dead-letters', 'list', '--json', ...args], { DATABASE_URL: url })),
});

const id = (n: number): string => `${STATES_DLQ}:0:${n}`;

const IMPOSSIBLE = outgoing(observed('A', 7, 50, { capacity: 0 }));
const BYTES = Buffer.from([0, 1, 2, 255, 10, ...Buffer.from('readable')]);
const MESSAGES = [
  IMPOSSIBLE,
  junk('{"a": [1, "\u2713"]}', { key: 'a\u001b[31mkey', properties: { reason: 'its\nown' } }),
  junk('', { payload: BYTES }),
  junk('', { payload: Buffer.alloc(3_000, 7) }),
  junk(''),
];

describe('balde dead-letters, of letters that are there', () => {
  let { run, list } = on('');

  beforeAll(async () => {
    const { url, database, log } = await baldeDatabase();
    ({ run, list } = on(url));
    // One after the other, in one partition each: the order of the letters is known.
    for (const message of MESSAGES) {
      await publish(log, [message]);
      await settle(database, log);
    }
  });

  test('list: newest first, by processor, and how many more [DLQ-3]', async () => {
    const all = await list('--processor', 'states');
    expect(all.letters.map((letter) => letter.id)).toEqual([5, 4, 3, 2, 1].map(id));
    expect(all.more).toBe(0);
    expect(all.letters.at(-1)).toEqual({
      id: id(1),
      topic: STATES_DLQ,
      partition: 0,
      position: '0000000000000001',
      processor: 'states',
      source_topic: 'policy-states',
      source_partition: expect.any(Number) as number,
      source_position: '0000000000000001',
      set_aside_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      event_time: new Date(IMPOSSIBLE.eventTime).toISOString(),
      key: IMPOSSIBLE.key,
      reason: expect.stringContaining('capacity_not_positive') as string,
      payload_bytes: IMPOSSIBLE.payload.length,
      cut_from_bytes: null,
      handled: null,
    });
    const some = await list('--limit', '3');
    expect([some.letters.length, some.more]).toEqual([3, MESSAGES.length * READERS.length - 3]);
    expect(new Set((await list()).letters.map(({ processor }) => processor))).toEqual(new Set(READERS));
    const { stdout } = await run('list', '--limit', '3', '--processor', 'states');
    expect(stdout).toMatch(/^ID +SET ASIDE +PROCESSOR +SOURCE +KEY +REASON$/m);
    expect(stdout).toMatch(/^policy-states-states-DLQ:0:5 .* states +policy-states\/\d\/\d+ +key of /m);
    expect(stdout).toMatch(/^and 2 more: --limit shows more$/m);
    expect((await run('list', '--processor', 'alerts')).stdout).toBe('no open dead letter\n');
  });

  test('show: the values of an event that can not be', async () => {
    const letter = jsonOf<{ payload: object }>(await run('show', id(1), '--json'));
    expect(letter).toMatchObject({
      id: id(1),
      event_id: expect.stringMatching(/^states\/policy-states\/\d\/0+1$/) as string,
      properties: { event_type: 'PolicyStateObserved', schema_version: '1' },
      payload: {
        format: 'event',
        value: { policy: 'A', capacity: 0, response_time: '2026-03-01T12:07:00.000Z' },
      },
    });
    const { stdout } = await run('show', id(1));
    expect(stdout).toMatch(/^reason +capacity_not_positive/m);
    expect(stdout).toMatch(/^payload +\d+ bytes, read by the schema$/m);
    expect(stdout).toMatch(/^ {4}"capacity": 0,$/m);
  });

  test('show: JSON text; foreign text moves no cursor', async () => {
    expect(jsonOf(await run('show', id(2), '--json'))).toMatchObject({
      key: 'a\u001b[31mkey',
      properties: { reason: 'its\nown' },
      payload: { format: 'json', value: { a: [1, '\u2713'] } },
    });
    const { stdout } = await run('show', id(2));
    expect(stdout).toMatch(/JSON text\n {2}\{"a": \[1, "\u2713"\]\}\n$/);
    expect(stdout).toContain('key         a\\u001b[31mkey\n');
    expect(stdout).toContain('  reason = its\\u000aown\n');
    expect((await run('list')).stdout).not.toContain('\u001b');
  });

  test('show: a hex dump of the rest, and the bytes alone with --raw', async () => {
    const { stdout } = await run('show', `${STATES_DLQ}:0:0000000000000003`);
    expect(stdout).toContain('  000000  00 01 02 ff 0a 72 65 61 64 61 62 6c 65           .....readable\n');
    expect(jsonOf(await run('show', id(3), '--json'))).toMatchObject({
      payload: { format: 'hex', value: BYTES.toString('hex') },
    });
    const long = await run('show', id(4));
    expect(long.stdout).toMatch(/and 1,976 bytes more: --raw writes all of them/);
    expect((await run('show', id(4), '--raw')).stdout).toBe('\u0007'.repeat(3_000));
    expect((await run('show', id(2), '--raw')).stdout).toBe('{"a": [1, "\u2713"]}');
    expect((await run('show', id(5))).stdout).toMatch(/^payload +0 bytes, empty$/m);
    expect((await run('show', id(5), '--raw', '--json')).stderr).toMatch(/cannot be used with option/);
  });

  test('an id that is none says so, and nothing is done', async () => {
    const unknown = await run('show', id(99));
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/there is no dead letter policy-states-states-DLQ:0:99: .*list --all/);
    const malformed = await run('drop', 'dead-letters:1');
    expect(malformed).toMatchObject({ code: 1, stdout: '' });
    expect(malformed.stderr).toMatch(/no id of a dead letter: .*policy-states-states-DLQ/);
    expect((await run('retry', id(1), id(99))).code).toBe(1);
    expect((await list('--all')).letters.every(({ handled }) => handled === null)).toBe(true);
  });

  test('which letters must be said', async () => {
    expect((await run('retry')).stderr).toMatch(/by their ids, or all of them by --all/);
    expect((await run('drop', id(1), '--all')).stderr).toMatch(/by their ids, or all of them by --all/);
    expect((await run('drop', id(1), '--processor', 'states')).stderr).toMatch(/narrows --all/);
    expect((await run('retry', '--all', '--processor', 'nobody')).stderr).toMatch(/states, alerting, alerts/);
    const asked = await run('drop', '--all', '--processor', 'states');
    expect(asked).toMatchObject({ code: 1, stdout: '' });
    expect(asked.stderr).toMatch(/would drop 5 open letters: say --yes/);
  });
});

describe('balde dead-letters, from the poison to its end [DLQ-2, DLQ-3]', () => {
  test('list, show, retry after the cause is gone, drop', async () => {
    const { url, database, log } = await baldeDatabase();
    const { run, list } = on(url);
    expect((await run('list')).stdout).toBe('no open dead letter\n');
    expect((await run('list', '--all')).stdout).toBe('no dead letter\n');
    expect(await list()).toEqual({ letters: [], more: 0 });
    for (const args of [
      ['retry', '--all'],
      ['drop', '--all', '--yes'],
    ]) {
      expect(await run(...args)).toEqual({ code: 0, stdout: 'no open dead letter\n', stderr: '' });
    }

    await database.execute(`alter table states_v1.latest add constraint cause check (available_tokens <> 13)`);
    await publish(log, [outgoing(observed('A', 0, 13)), outgoing(observed('B', 0, 60))]);
    await settle(database, log);
    expect((await list()).letters).toMatchObject([{ id: id(1), processor: 'states' }]);
    expect((await run('show', id(1))).stdout).toMatch(/^reason .*violates check constraint "cause"/m);
    await database.execute('alter table states_v1.latest drop constraint cause');
    expect(await run('retry', id(1))).toEqual({
      code: 0,
      stdout: `retried  ${id(1)}: published to policy-states again\n`,
      stderr: '',
    });
    await settle(database, log);
    const rows = await database.query(`select available_tokens as n from dict_rate_limit_states order by 1`);
    expect(rows).toEqual([{ n: 13 }, { n: 60 }]);
    expect((await run('retry', id(1))).stdout).toMatch(/^skipped .*:0:1: retried \d{4}-.*Z already$/m);

    await publish(log, [junk('for ever')]);
    await settle(database, log);
    expect(jsonOf(await run('drop', id(2), '--json'))).toEqual({ dropped: [id(2)], skipped: [] });
    const others = READERS.filter((name) => name !== 'states').map(
      (name) => `dropped  policy-states-${name}-DLQ:0:1\n`,
    );
    expect((await run('drop', '--all', '--yes')).stdout).toBe(others.join(''));
    expect(await list()).toEqual({ letters: [], more: 0 });
    const all = (await list('--all', '--processor', 'states')).letters;
    expect(all.map((letter) => [letter.id, letter.handled?.action])).toEqual([
      [id(2), 'dropped'],
      [id(1), 'retried'],
    ]);
    expect((await run('list', '--all')).stdout).toMatch(/^\S+:0:1 .* retried \d{4}-.*Z$/m);
    expect(jsonOf(await run('retry', '--all', '--json'))).toEqual({ retried: [], skipped: [] });
  }, 120_000);

  test('each command explains itself', async () => {
    const { url } = await baldeDatabase();
    const { run } = on(url);
    expect((await run('--help')).stdout).toMatch(/<topic>-<processor>-DLQ[^]*list[^]*show[^]*retry[^]*drop/);
    expect((await run('list', '--help')).stdout).toMatch(/--processor[^]*--all[^]*--limit[^]*default: 100[^]*--json/);
    expect((await run('show', '--help')).stdout).toMatch(/--raw[^]*--json[^]*--data-dir/);
    expect((await run('retry', '--help')).stdout).toMatch(/Every\s+processor\s+of\s+that\s+topic\s+reads\s+it/);
    expect((await run('drop', '--help')).stdout).toMatch(/--yes/);
  });
});
