/** Finding an alert and asking about it, with what the commands themselves show. */
import { describe, expect, test } from 'vitest';
import { observationId } from '../../src/domain/identity.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { MINUTE, observationsUntil, PARTICIPANT, publish, foldAll } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const LAST = Date.UTC(2026, 4, 4, 12);
const OTHER = '87654321';
// Two participants with three alerts each, one of each open.
for (const [i, participant] of [PARTICIPANT, OTHER].entries()) {
  const own = observationsUntil(LAST + i * 10 * MINUTE).map((one) => ({
    ...one,
    participant,
    eventId: observationId(participant, one.policy, one.responseTime),
  }));
  await publish(log, own, 1 + i * 100);
}
await foldAll(database, log);

interface Listed {
  readonly id: string;
  readonly participant: string;
  readonly severity: string;
}
const run = async (...args: string[]) => await balde(args, { DATABASE_URL: url });
const all = jsonOf<Listed[]>(await run('alerts', '--json'));
const idsOf = (stdout: string): string[] => [...stdout.matchAll(/ ([0-9a-f]{8})$/gm)].map(([, id]) => id ?? '');
const short = (alerts: readonly Listed[]): string[] => alerts.map(({ id }) => id.slice(0, 8));

describe('balde alerts [OPS-20]', () => {
  test('there are six of them', () => {
    expect(all.map(({ participant, severity }) => `${participant} ${severity}`)).toEqual(
      [OTHER, PARTICIPANT].flatMap((who) => [`${who} CRITICAL`, `${who} CRITICAL`, `${who} WARNING`]),
    );
  });

  test.each<[string[], (alert: Listed) => boolean]>([
    [['--participant', OTHER], ({ participant }) => participant === OTHER],
    [['--severity', 'warning'], ({ severity }) => severity === 'WARNING'],
    [
      ['--level', 'CRITICAL', '--participant', PARTICIPANT],
      (a) => a.severity === 'CRITICAL' && a.participant === PARTICIPANT,
    ],
    [['--policy', 'FALLING', '--to', '2026-05-04T12:03Z'], ({ participant }) => participant === PARTICIPANT],
  ])('%j narrows text and JSON alike, each alert with the beginning of its id', async (options, fits) => {
    const expected = all.filter(fits);
    expect(expected.length).toBeGreaterThan(0);
    const { stdout, code } = await run('alerts', ...options);
    expect({ ids: idsOf(stdout), code }).toEqual({ ids: short(expected), code: 0 });
    expect(jsonOf(await run('alerts', '--json', ...options))).toEqual(expected);
  });

  test('[FORE-5] --score tells of each bucket how often it did become empty, and how long after the alert', async () => {
    // WARNING and CRITICAL at once are one incident, which was over without; the last came with the empty bucket.
    const score = { endpoint_id: 'FALLING', incidents: 2, open: 1, reached_zero: 1, announced: 0, false_alarms: 1 };
    const scores = jsonOf(await run('alerts', '--score', '--json'));
    expect(scores).toEqual(
      [PARTICIPANT, OTHER].map((participant) => ({ participant, ...score, median_lead_seconds: 0 })),
    );
    const { stdout } = await run('alerts', '--score', '--participant', OTHER, '--to', '2026-05-04T12:09:30Z');
    expect(stdout).toMatch(/^0 of 1 incident reached zero, 0 of these after the alert; 1 were over without$/m);
    expect((await run('alerts', '--score', '--open')).stderr).toMatch(/cannot be used with/);
    expect((await run('alerts', '--score', '--policy', 'NONE')).stderr).toMatch(/no policy NONE was ever observed/);
  });

  test('shows so many, and says how many more there are', async () => {
    const { stdout } = await run('alerts', '--limit', '4');
    expect(idsOf(stdout)).toEqual(short(all.slice(0, 4)));
    expect(stdout).toMatch(/^and 2 older ones: --limit/m);
    await database.execute(
      `insert into alerts_v1.alerts select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'resolved', true))).*
       from alerts_v1.alerts a, generate_series(1, 20) where a.resolved`,
    );
    const many = await run('alerts', '--from', '1970-01-01');
    await database.execute(
      `delete from alerts_v1.alerts where not id = any (select unnest(string_to_array('${all.map(({ id }) => id).join(',')}', ','))::uuid)`,
    );
    expect(idsOf(many.stdout)).toHaveLength(50);
    expect(many.stdout).toMatch(/^and 36 older ones/m);
  });

  test('nothing found is told from a bucket that there is not', async () => {
    expect((await run('alerts', '--policy', 'STEADY')).stdout).toBe('no alert like that\n');
    expect((await run('alerts', '--from', 'yesterday')).stdout).toBe('no alert like that\n');
    const { code, stderr } = await run('alerts', '--participant', '11111111');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/no participant 11111111 was ever observed: there are 12345678, 87654321/),
    ]);
    expect((await run('alerts', '--severity', 'bad')).stderr).toMatch(/choose one of WARNING, CRITICAL/);
  });
});

describe('balde status', () => {
  test('shows the buckets and alerts asked for', async () => {
    const { stdout } = await run('status', '--participant', OTHER, '--policy', 'FALLING');
    expect(stdout).toMatch(/^1 open:\n {2}[0-9a-f]{8} {2}2026-05-04 12:10:00Z {2}CRITICAL/m);
    expect(stdout).not.toContain(PARTICIPANT);
    expect(stdout).not.toContain('STEADY');
    const stale = jsonOf<{ states: unknown[]; alerts: unknown[] }>(await run('status', '--level', 'stale', '--json'));
    expect([stale.states.length, stale.alerts.length]).toEqual([4, 0]);
    expect((await run('status', '--level', 'ok')).stdout).toMatch(/no bucket like that[^]*no open alert/);
    expect((await run('status', '--policy', 'NONE')).stderr).toMatch(/no policy NONE was ever observed/);
  });
});

describe('balde explain', () => {
  const [newest] = all;
  const id = newest?.id ?? '';

  test.each([4, 8, 13, 36])('takes the first %i characters of an id', async (length) => {
    const found = jsonOf<{ alert: Listed }>(await run('explain', id.slice(0, length).toUpperCase(), '--json'));
    expect(found.alert.id).toBe(id);
  });

  test('--last takes the newest, of everything or of a bucket', async () => {
    expect(jsonOf(await run('explain', '--last', '--json'))).toMatchObject({ alert: { id } });
    const own = all.find(({ participant }) => participant === PARTICIPANT)?.id;
    expect(jsonOf(await run('explain', '--last', '--participant', PARTICIPANT, '--json'))).toMatchObject({
      alert: { id: own },
    });
    expect((await run('explain', '--last', '--policy', 'STEADY')).stderr).toMatch(/no alert was raised/);
  });

  test.each<[string[], RegExp]>([
    [[], /which alert\? Give its id or --last/],
    [[id, '--last'], /not both/],
    [[id, '--policy', 'X'], /go with --last/],
    [['12'], /"12" is no id of an alert, nor four or more characters/],
    [['zzzz'], /"zzzz" is no id of an alert/],
    [["0' or 1=1"], /is no id of an alert/],
    [['0000dead'], /there is no alert 0000dead/],
  ])('%j is refused', async (args, message) => {
    const { code, stdout, stderr } = await run('explain', ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('a beginning that several ids have names them', async () => {
    const one = all.find(({ severity }) => severity === 'WARNING')?.id ?? '';
    const twin = `${one.slice(0, 8)}-0000-4000-8000-000000000000`;
    await database.execute(
      `insert into alerts_v1.alerts select (jsonb_populate_record(a, jsonb_build_object('id', '${twin}'))).*
       from alerts_v1.alerts a where id = '${one}'`,
    );
    const { stderr, code } = await run('explain', one.slice(0, 8));
    await database.execute(`delete from alerts_v1.alerts where id = '${twin}'`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/begins the ids of 2 alerts, give more of it:\n/);
    for (const whole of [one, twin]) expect(stderr).toContain(`  ${whole}  2026-05-04 12:07:00Z  WARNING of FALLING`);
  });
});

describe('the name that an option had goes on, and is not shown', () => {
  test.each<[string[], string, string, string, RegExp]>([
    [['status'], '--level', '--severity', 'ok', /no bucket like that/],
    [['alerts'], '--severity', '--level', 'warning', /^(?![^]*CRITICAL)[^]*WARNING/],
    [
      ['checkpoints', 'reset', '--topic', 'policy-states'],
      ...(['--processor', '--fold', 'alerting'] as const),
      /^(?![^]* states v1)[^]* alerting v1/,
    ],
    [['rebuild', 'alerts', '--no-cut-over'], '--source', '--from', 'pulsar', /--source pulsar needs PULSAR_URL/],
  ])('%j: %s was %s', async (command, name, old, value, only) => {
    const told = async (...options: string[]) => {
      const { code, stdout, stderr } = await run(...command, ...options);
      return { code, text: stdout + stderr };
    };
    const plain = await told();
    expect(plain.text).not.toMatch(only);
    for (const option of [name, old]) expect((await told(option, value)).text).toMatch(only);
    expect((await told(old, value)).code).toBe((await told(name, value)).code);
    const { stdout } = await run(...command.filter((word) => !word.startsWith('-')).slice(0, 2), '--help');
    expect(stdout).toContain(`${name} <`);
    expect(stdout).not.toContain(`${old} <`);
  });
});
