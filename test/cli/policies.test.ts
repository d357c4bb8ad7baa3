/** `balde policies`: what a person sees of them, and says of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import type { Ended } from './balde.ts';
import { foldAll, MINUTE, observationsUntil, PARTICIPANT, publish } from './seed.ts';

const LAST = Date.UTC(2026, 2, 1, 12);
const OWN = ['--participant', PARTICIPANT];

describe('balde policies [RETIRE-3]', { timeout: 120_000 }, () => {
  let given: Awaited<ReturnType<typeof baldeDatabase>>;
  beforeAll(async () => {
    given = await baldeDatabase();
  }, 60_000);

  const policies = async (...args: string[]): Promise<Ended> =>
    await balde(['policies', ...args], { DATABASE_URL: given.url });
  /** Columns of the lines that it printed. */
  const linesOf = ({ stdout }: Ended): string[][] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));

  it('lists none before anything was observed', async () => {
    expect(await policies('list')).toMatchObject({ code: 0, stdout: 'no policy was observed yet\n' });
    expect(jsonOf(await policies('list', '--json'))).toEqual({ policies: [] });
    const { code, stderr } = await policies('retire', ...OWN, '--yes');
    expect([code, stderr]).toEqual([
      1,
      `balde: no policy of participant ${PARTICIPANT} was ever observed: balde policies list shows which were\n`,
    ]);
  });

  it('lists each policy that was observed, as text and as JSON', async () => {
    await publish(given.log, observationsUntil(LAST));
    await foldAll(given.database, given.log);
    const [titles, ...rows] = linesOf(await policies('list'));
    expect(titles?.slice(0, 4)).toEqual(['PARTICIPANT', 'POLICY', 'CAPACITY', 'REFILL']);
    expect(rows.map((row) => row.slice(0, 5))).toEqual([
      [PARTICIPANT, 'FALLING', '300', '60 in 60 s', 'F'],
      [PARTICIPANT, 'STEADY', '300', '60 in 60 s', 'F'],
    ]);
    expect(jsonOf<{ policies: unknown[] }>(await policies('list', '--json', ...OWN)).policies[0]).toEqual({
      participant: PARTICIPANT,
      endpoint_id: 'FALLING',
      capacity: 300,
      refill_tokens: 60,
      refill_period_sec: 60,
      psp_category: 'F',
      last_observation: new Date(LAST).toISOString(),
      listed_since: new Date(LAST - 4 * MINUTE).toISOString(),
      retired_since: null,
    });
    expect((await policies('list', '--participant', '99999999')).stdout).toBe('no policy was observed yet\n');
  });

  it('names what it would retire and does nothing without --yes, with --json too', async () => {
    for (const args of [[], ['--json']]) {
      const { code, stdout, stderr } = await policies('retire', ...OWN, ...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^balde: this would retire:\n {2}FALLING of 12345678, last observed 2026-03-01/);
      expect(stderr).toMatch(/ {2}STEADY of 12345678.*\nOpen alerts of theirs end;.* Say --yes as well\.\n$/);
    }
    await foldAll(given.database, given.log);
    expect(JSON.stringify(jsonOf(await policies('list', '--json')))).not.toContain('"retired_since":"');
  });

  it('names the policy that a participant does not have', async () => {
    const { code, stderr } = await policies('retire', ...OWN, '--policy', 'NONE', '--yes');
    expect(code).toBe(1);
    expect(stderr).toMatch(/participant 12345678 has no policy NONE: balde policies list shows which it has/);
  });

  it('retires one, then all that are left, and then has nothing to do', async () => {
    const one = await policies('retire', ...OWN, '--policy', 'FALLING', '--yes');
    expect([one.code, one.stdout]).toEqual([0, `retired  FALLING of ${PARTICIPANT}\n`]);
    await foldAll(given.database, given.log);
    const types = (await readTopicOnce(given.log, RATE_LIMIT_ALERTS.name)).map(
      ({ properties }) => properties['event_type'],
    );
    expect(types.at(-1)).toBe('AlertResolved');
    const rest = await policies('retire', ...OWN, '--yes', '--json');
    expect([rest.code, jsonOf(rest)]).toEqual([0, { retired: ['STEADY'] }]);
    await foldAll(given.database, given.log);
    const [, ...rows] = linesOf(await policies('list'));
    expect(rows.map((row) => row.at(-1))).not.toContain('-');
    const again = await policies('retire', ...OWN, '--yes');
    expect([again.code, again.stdout]).toEqual([0, 'nothing to do: retired already\n']);
    expect(jsonOf(await policies('retire', ...OWN, '--json'))).toEqual({ retired: [] });
  });
});
