/** The same tables whatever the time zones of the database, the session and the calendar say. */
import { afterAll, describe, expect, it } from 'vitest';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { FOLDS, TOPICS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { installFold } from '../../src/store/installFold.ts';
import { observation } from '../support/observations.ts';
import { expectDatabaseEqualsOracle } from '../oracle/compare.ts';
import { emptyDatabase } from '../support/database.ts';
import { catchUp } from './aftermath.ts';
import { publish, runFolds } from './inProcess.ts';

/**
 * Around every one of these, observations a few hours to both sides: month and year ends, the leap day, and the nights
 * on which clocks change. Brazil has kept UTC−3 since 2019 (and the program believes nothing before 2020), so its own
 * dates stand beside those of zones that still change.
 */
const MOMENTS = [
  ['month end', '2026-02-01T00:00:00.000Z'],
  ['month end in São Paulo', '2026-02-01T03:00:00.000Z'],
  ['year end', '2027-01-01T00:00:00.000Z'],
  ['year end in São Paulo', '2027-01-01T03:00:00.000Z'],
  ['leap day begins', '2028-02-29T00:00:00.000Z'],
  ['leap day ends', '2028-03-01T00:00:00.000Z'],
  ['leap day ends in São Paulo', '2028-03-01T03:00:00.000Z'],
  ['first Sunday of November, when São Paulo set its clocks ahead', '2027-11-07T03:00:00.000Z'],
  ['third Sunday of February, when São Paulo set them back', '2027-02-21T02:00:00.000Z'],
  ['clocks ahead in New York', '2027-03-14T07:00:00.000Z'],
  ['clocks back in New York', '2027-11-07T06:00:00.000Z'],
  ['clocks back on Lord Howe Island, by half an hour', '2027-04-03T15:00:00.000Z'],
] as const;

const MINUTE = 60_000;
const OFFSETS = [
  -181 * MINUTE,
  -180 * MINUTE,
  -61 * MINUTE,
  -30 * MINUTE,
  -1,
  0,
  1,
  30 * MINUTE,
  60 * MINUTE,
  181 * MINUTE,
];
const TOKENS = [900, 200, 100, -15, 150, 1000];

const LOG: readonly PolicyStateObserved[] = MOMENTS.map(([, moment]) => Date.parse(moment))
  .flatMap((moment) => OFFSETS.map((offset) => moment + offset))
  .sort((a, b) => a - b)
  .map((responseTime, i) =>
    observation({
      responseTime,
      observedAt: responseTime,
      availableTokens: TOKENS[i % TOKENS.length] ?? 0,
      category: i % 17 < 9 ? 'G' : 'H',
    }),
  );

interface Dump {
  readonly months: readonly string[];
  readonly rows: readonly string[];
}

/** Folds the log in a database and a session of these time zones, checks it against the oracle, and dumps it. */
async function dump(zones: { readonly database: string; readonly session: string }): Promise<Dump> {
  const { url } = await emptyDatabase({ timezone: zones.database });
  await migrate(url);
  const database = openDatabase({ url, settings: { timezone: zones.session } });
  const log = new EmbeddedLog(database);
  afterAll(async () => {
    await log.close();
    await database.close();
  });
  const [zone] = await database.query<{ TimeZone: string }>('show timezone');
  expect(zone?.TimeZone).toBe(zones.session);
  for (const fold of FOLDS) await installFold(database, fold);
  for (const topic of TOPICS) await log.ensureTopic(topic);

  const folds = runFolds(database, log);
  await publish(log, LOG);
  await catchUp(database, log);
  await folds.stop();
  expect(folds.observer.letters).toEqual([]);
  const compared = await expectDatabaseEqualsOracle(database, log);
  expect(compared.history).toBe(new Set(LOG.map((each) => each.responseTime)).size);

  // Read in UTC, and as text: a wrong hour can't hide in a conversion.
  const reader = openDatabase({ url });
  const months = await reader.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'states_v1.history'::regclass order by 1`,
  );
  const rows = await reader.query<{ row: string }>(
    `select to_jsonb(s)::text as row from dict_rate_limit_states s
     union all select to_jsonb(a)::text from dict_rate_limit_alerts a
     union all select to_jsonb(c)::text from dict_rate_limit_category_changes c order by 1`,
  );
  await reader.close();
  return { months: months.map((each) => each.name), rows: rows.map((each) => each.row) };
}

describe('over month ends, a leap day and clock changes [VIEW-2]', () => {
  let utc: Dump;

  it('in UTC', async () => {
    utc = await dump({ database: 'UTC', session: 'UTC' });
    expect(utc.months).toEqual(
      [
        '2026_01',
        '2026_02',
        '2026_12',
        '2027_01',
        '2027_02',
        '2027_03',
        '2027_04',
        '2027_11',
        '2028_02',
        '2028_03',
      ].map((month) => `history_${month}`),
    );
  });

  it.each([
    { database: 'America/Sao_Paulo', session: 'America/Sao_Paulo' },
    { database: 'America/Sao_Paulo', session: 'UTC' },
    { database: 'UTC', session: 'America/New_York' },
    { database: 'Pacific/Kiritimati', session: 'Australia/Lord_Howe' },
  ])('the same in a database of $database with sessions of $session', async (zones) => {
    expect(await dump(zones)).toEqual(utc);
  });
});
