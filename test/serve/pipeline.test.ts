import { beforeAll, describe, expect, test } from 'vitest';
import { statesProjection } from '../../projections/states/fold.ts';
import { readLag } from '../../src/app/lag.ts';
import { lagSample, outboxSample, processesSample } from '../../src/app/samples.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import type { Sample } from '../../src/serve/samples.ts';
import { openDatabase } from '../../src/store/database.ts';
import { renewProcess } from '../../src/store/processes.ts';
import { createVersion, setVersionState } from '../../src/store/versions.ts';
import { foldAll, MINUTE, observationsUntil, publish, seed } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { seriesOf } from './expositions.ts';

const { url, database, log } = await baldeDatabase();
const LAST = Date.UTC(2026, 0, 31, 12);
const NOW = LAST + 10 * MINUTE;
const now = (): number => NOW;

beforeAll(async () => {
  await seed(database, log, LAST);
});

/** The series that one sample gives, in a process of its own. */
const seriesBy = async (sample: Sample): Promise<Map<string, number>> =>
  seriesOf(await new Metrics({ sql: database, now, staleAfterMs: MINUTE, samples: [sample] }).scrape());

const lag = async (): Promise<Map<string, number>> => await seriesBy(lagSample({ database, log, now }));
const of = (metric: string, processor: string, version = 1): string =>
  `balde_${metric}{processor="${processor}",version="${version}"}`;

describe('[MET-3] lag, in messages and seconds', () => {
  test('is 0 of a processor that has read everything', async () => {
    const series = await lag();
    for (const processor of ['states', 'alerting', 'alerts']) {
      expect(series.get(of('lag_events', processor))).toBe(0);
      expect(series.get(of('lag_seconds', processor))).toBe(0);
    }
  });

  test('is what balde lag says of one that has not', async () => {
    const late = observationsUntil(LAST + 5 * MINUTE);
    await publish(log, late, 1_000);
    const told = await readLag({ database, log }, NOW, new AbortController().signal);
    const series = await lag();
    for (const processor of ['states', 'alerting']) {
      const partitions = told.folds.filter(({ fold }) => fold === processor);
      const events = partitions.reduce((sum, { eventsBehind }) => sum + eventsBehind, 0);
      expect(events).toBe(late.length);
      expect(series.get(of('lag_events', processor))).toBe(events);
      const seconds = Math.max(...partitions.map(({ secondsBehind }) => secondsBehind ?? 0));
      expect(seconds).toBe((NOW - (late[0]?.responseTime ?? 0)) / 1_000);
      expect(series.get(of('lag_seconds', processor))).toBe(seconds);
    }
    expect(series.get(of('lag_events', 'alerts'))).toBe(0);
    await foldAll(database, log);
  });
});

describe('[MET-3] a rebuild that is unfinished', () => {
  test('has what remains, a share, and when it last committed; no lag of its own; then it is gone', async () => {
    const build = await createVersion(database, statesProjection, { source: 'the log', until: null });
    const fresh = await lag();
    expect(fresh.get(of('rebuild_remaining_events', 'states', build.version))).toBe(20);
    expect(fresh.get(of('rebuild_progress_ratio', 'states', build.version))).toBe(0);
    const begun = fresh.get(of('rebuild_last_commit_timestamp_seconds', 'states', build.version));
    expect(begun).toBeCloseTo(build.createdAt / 1_000, 3);
    expect(fresh.has(of('lag_events', 'states', build.version))).toBe(false);

    await database.execute(
      `insert into balde.checkpoint (fold, version, partition, position, updated_at)
       select fold, $1, partition, position, '2026-01-31T12:00:00Z' from balde.checkpoint where fold = 'states' and version = 1
       on conflict (fold, version, partition) do update set position = excluded.position, updated_at = excluded.updated_at`,
      [build.version],
    );
    const filled = await lag();
    expect(filled.get(of('rebuild_remaining_events', 'states', build.version))).toBe(0);
    expect(filled.get(of('rebuild_progress_ratio', 'states', build.version))).toBe(1);
    expect(filled.get(of('rebuild_last_commit_timestamp_seconds', 'states', build.version))).toBe(LAST / 1_000);

    await setVersionState(database, build, 'live');
    const done = await lag();
    expect([...done.keys()].filter((key) => key.startsWith('balde_rebuild_'))).toEqual([]);
    expect(done.get(of('lag_events', 'states', build.version))).toBe(0);
  });
});

describe('[MET-3] the outbox', () => {
  const topic = 'rate-limit-alerts';

  test('has depth and age by topic, 0 where nothing waits', async () => {
    await database.execute(
      `insert into balde.outbox (topic, key, properties, event_time, payload)
       select $1, 'k', '{}', to_timestamp($2) + i * interval '1 minute', '' from generate_series(1, 3) i`,
      [topic, LAST / 1_000],
    );
    const series = await seriesBy(outboxSample(database, now));
    expect(series.get(`balde_outbox_entries{topic="${topic}"}`)).toBe(3);
    expect(series.get(`balde_outbox_oldest_age_seconds{topic="${topic}"}`)).toBe(9 * 60);
    expect(series.get('balde_outbox_entries{topic="policy-states-states-DLQ"}')).toBe(0);
    expect(series.get('balde_outbox_oldest_age_seconds{topic="policy-states-states-DLQ"}')).toBe(0);
  });

  test('[MET-2] that is locked costs the scrape nothing but its own series', async () => {
    const other = openDatabase({ url, poolSize: 1 });
    await other.transaction(async (tx) => {
      await tx.execute('lock table balde.outbox in access exclusive mode');
      const series = await seriesBy(outboxSample(database, now));
      expect([...series.keys()].filter((key) => key.startsWith('balde_outbox_'))).toEqual([]);
      expect([...series.keys()].some((key) => key.startsWith('balde_observation_age_seconds'))).toBe(true);
    });
    await other.close();
  });
});

test('[MET-3] processes by role, those that have none too', async () => {
  const entry = { host: 'here', ruleVersion: 'r', staleAfterMs: MINUTE };
  const ids = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
  await renewProcess(database, { ...entry, id: ids[0] ?? '', pid: 1, roles: ['poller', 'http'] });
  await renewProcess(database, { ...entry, id: ids[1] ?? '', pid: 2, roles: ['poller'] });
  const series = await seriesBy(processesSample(database));
  expect(series.get('balde_processes{role="poller"}')).toBe(2);
  expect(series.get('balde_processes{role="http"}')).toBe(1);
  expect(series.get('balde_processes{role="relay"}')).toBe(0);
});
