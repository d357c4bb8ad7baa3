import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { COUNTERS } from '../../src/app/counters.ts';
import { pollerMetrics } from '../../src/app/observers.ts';
import { ROLES } from '../../src/config/roles.ts';
import { runRoles } from '../../src/app/roles.ts';
import { createReport } from '../../src/poll/events.ts';
import type { PollerEventMap } from '../../src/poll/events.ts';
import { POLL_REASONS } from '../../src/poll/reasons.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { MINUTE, PARTICIPANT, seed } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';

const { url, database, log } = await baldeDatabase();
const LAST = Date.now();
const [observation] = await seed(database, log, LAST);

/** Samples of an exposition by metric; a histogram's count stands for it. */
function samplesOf(exposition: string): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>();
  for (const [, name = ''] of exposition.matchAll(/^# TYPE (\w+) /gm)) found.set(name, new Map());
  for (const [, name = '', labels = '', value] of exposition.matchAll(/^(\w+?)(?:\{(.*)\})? (\S+)$/gm))
    found.get(name.replace(/_count$/, ''))?.set(labels, Number(value));
  return found;
}

const logger = pino({ level: 'silent' });

/** The metrics of a process that has just begun. */
async function atStart(archiveDir: string): Promise<Map<string, Map<string, number>>> {
  const config = loadConfig({
    PARTICIPANT,
    BRIDGE_ADDRESS: '127.0.0.1:1',
    HTTP_PORT: '0',
    POLL_WHEN_ELECTED: 'false',
    ARCHIVE_DIR: archiveDir,
  });
  const storage = {
    ...{ database, log, databaseOptions: { url }, description: '', logDescription: '' },
    watch: async () => Promise.resolve(),
    close: async () => Promise.resolve(),
  };
  const stop = new AbortController();
  let text = '';
  const onServing = (at: string): void => {
    void fetch(`${at}/metrics`)
      .then(async (response) => (text = await response.text()))
      .finally(() => stop.abort());
  };
  const roles = ROLES.filter((role) => role !== 'retention');
  await runRoles({ config, storage, roles, logger, onServing }, stop.signal);
  return samplesOf(text);
}

describe('[OPS-8] counters begin at 0', async () => {
  const archive = mkdtempSync(join(tmpdir(), 'balde-counters-'));
  const found = await atStart(archive).finally(() => rmSync(archive, { recursive: true, force: true }));
  const counters = [...found.keys()].filter((name) => name.endsWith('_total'));

  test.each(counters)('%s has its series when a process starts', (name) => {
    expect(found.get(name)?.size).toBeGreaterThan(0);
  });

  test.each(Object.entries(COUNTERS))('%s: every series that is known is there', (name, { series }) => {
    const archives = [{ target: 'files', topics: ['policy-states', 'rate-limit-alerts'] }];
    const expected = series({ participants: [PARTICIPANT], reasons: POLL_REASONS.adaptive, archives });
    expect(expected.length).toBeGreaterThan(0);
    const known = [...(found.get(name)?.keys() ?? [])];
    for (const labels of expected) {
      const parts = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      expect(known.some((key) => parts.every((part) => key.includes(part)))).toBe(true);
    }
  });

  test('an alert of a bucket that had none is an increase', () => {
    for (const name of ['dict_rate_limit_alerts_created_total', 'dict_rate_limit_alerts_resolved_total']) {
      for (const severity of ['WARNING', 'CRITICAL']) {
        const labels = `participant="${PARTICIPANT}",endpoint_id="STEADY",severity="${severity}",psp_category="F"`;
        expect(found.get(name)?.get(labels)).toBe(0);
      }
    }
  });

  test('durations of operations that have not run yet are there', () => {
    const series = [...(found.get('dict_rate_limit_monitoring_duration_seconds')?.keys() ?? [])].join('\n');
    for (const operation of ['poll', 'publish', 'process', 'relay', 'retention'])
      expect(series).toContain(`operation="${operation}"`);
  });

  test('no counter of the code is missing here', () => {
    const src = join(import.meta.dirname, '../../src');
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const named = files.flatMap((file) => readFileSync(join(src, file), 'utf8').match(/\bbalde_\w+_total\b/g) ?? []);
    expect([...new Set(named)].sort()).toEqual(counters.filter((name) => name.startsWith('balde_')).sort());
  });
});

describe('[OPS-8] a poll of which nothing can be believed', () => {
  test('is counted as rejected, not as ok, and logged as a warning', async () => {
    const lines: Record<string, unknown>[] = [];
    const metrics = new Metrics({ sql: database, now: () => LAST, staleAfterMs: MINUTE });
    const report = createReport(
      pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
      pollerMetrics(metrics),
    );
    const polled = (accepted: number): PollerEventMap['onPolled'] => ({
      ...{ participant: PARTICIPANT, pollId: observation?.pollId ?? '', policy: null, responseTime: LAST },
      category: 'A',
      ...{ accepted, rejected: 1, durationMs: 5 },
    });
    report('onPolled', polled(0));
    report('onPolled', polled(1));
    const polls = samplesOf(await metrics.scrape()).get('balde_polls_total');
    expect(polls?.get(`participant="${PARTICIPANT}",outcome="rejected"`)).toBe(1);
    expect(polls?.get(`participant="${PARTICIPANT}",outcome="ok"`)).toBe(1);
    expect(lines).toMatchObject([{ level: 40, accepted: 0 }]);
  });
});
