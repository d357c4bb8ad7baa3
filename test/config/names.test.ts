import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectConfig } from '../../src/config/config.ts';
import { overspending } from '../../src/poll/budget.ts';
import type { Schedule } from '../../src/poll/schedule.ts';

const POLLED = { PARTICIPANT: '12345678', BRIDGE_ADDRESS: 'bridge:50051' };
const folder = mkdtempSync(join(tmpdir(), 'balde-names-'));

describe('[OPS-9] a variable whose name is not known', () => {
  test.each([
    ['POLL_INTERVALL', 'POLL_INTERVAL'],
    ['POLL_INTERVA', 'POLL_INTERVAL'],
    ['POLL_INTREVAL', 'POLL_INTERVAL'],
    ['poll_interval', 'POLL_INTERVAL'],
    ['BALDE_POLL_INTERVAL', 'POLL_INTERVAL'],
    ['BALDE_DATABASE_URL', 'DATABASE_URL'],
    ['BALDE_CONFIGURATION', null],
    ['BALDE_CONF', 'BALDE_CONFIG'],
    ['BRIDGE_ADRESS', 'BRIDGE_ADDRESS'],
    ['BRIDGE_TLS_CA_FLIE', 'BRIDGE_TLS_CA_FILE'],
    ['PARTICIPANTS', 'PARTICIPANT'],
    ['WARNING_PERCENTAGE', null],
    ['WARNING_PERCENTS', 'WARNING_PERCENT'],
    ['STALE_AFTR', 'STALE_AFTER'],
    ['PULSAR_TOKENFILE', 'PULSAR_TOKEN_FILE'],
    ['ARCHIVE_DRI', 'ARCHIVE_DIR'],
    ['RETENTION_MONTH', 'RETENTION_MONTHS'],
  ])('%s: did you mean %s?', (name, meant) => {
    const { problems, warnings } = inspectConfig({ ...POLLED, [name]: '1' });
    expect(problems).toEqual(meant === null ? [] : [`${name}: is not known: did you mean ${meant}?`]);
    expect(warnings).toEqual(
      meant === null && name.startsWith('BALDE_') ? [`${name} is not read: Balde knows no such variable`] : [],
    );
  });

  test.each(['HTTPS_PORT', 'LOG_LEVELS', 'DATABASE_URLS', 'HTTP_HOSTS'])(
    '%s may be of another program: it is told, and stops nothing',
    (name) => {
      const { problems, warnings } = inspectConfig({ ...POLLED, [name]: 'x' });
      expect(problems).toEqual([]);
      expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${name} is not read: did you mean \\w+\\?$`))]);
    },
  );

  test.each([
    ...['PATH', 'HOME', 'LANG', 'TZ', 'PGHOST', 'NODE_OPTIONS', 'http_proxy', 'no_proxy', 'POLICY', 'FORCE_COLOR'],
    ...['BALDE_SERVICE_HOST', 'BALDE_SERVICE_PORT', 'BALDE_PORT', 'BALDE_PORT_9464_TCP_ADDR', 'PULSAR_PORT'],
    ...['BALDE_TEST_WITHOUT_PULSAR', 'PULSAR_TEST_URL', 'BRIDGE_SERVICE_PORT_GRPC', 'HTTP_PROXY', 'HTTPS_PROXY'],
  ])('%s is nobody’s mistake', (name) => {
    const { problems, warnings } = inspectConfig({ ...POLLED, [name]: 'x' });
    expect([...problems, ...warnings]).toEqual([]);
  });

  test('an empty one is not set', () => {
    expect(inspectConfig({ ...POLLED, POLL_INTERVALL: '' }).problems).toEqual([]);
  });

  test('in the file: with what was meant', () => {
    const file = join(folder, 'file');
    writeFileSync(file, JSON.stringify({ settings: { POLL_INTERVALL: '5m', COLOUR: 'red' } }));
    expect(inspectConfig({ ...POLLED, BALDE_CONFIG: file }).problems).toEqual([
      `${file}: settings.POLL_INTERVALL is not a setting of Balde: did you mean POLL_INTERVAL?`,
      `${file}: settings.COLOUR is not a setting of Balde`,
    ]);
  });
});

describe('[OPS-9] what is missing is not called malformed', () => {
  const empty = join(folder, 'empty');
  writeFileSync(empty, '\n');
  const file = (content: unknown): string => {
    const path = join(folder, `missing-${JSON.stringify(content).length}`);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  test.each([
    [{ PARTICIPANT: '12345678' }, /^BRIDGE_ADDRESS: is missing$/],
    [{ BRIDGE_ADDRESS: 'b:1' }, /^PARTICIPANT: is missing$/],
    [{ ...POLLED, DATABASE_URL_FILE: empty }, /^DATABASE_URL_FILE: .*empty is empty$/],
    [{ BALDE_CONFIG: file({ participants: [{ bridge: { address: 'b:1' } }] }) }, /participant: is missing$/],
    [{ BALDE_CONFIG: file({ participants: [{ participant: '12345678' }] }) }, /bridge: is missing$/],
    [
      { BALDE_CONFIG: file({ participants: [{ participant: '12345678', bridge: {} }] }) },
      /bridge\.address: is missing$/,
    ],
  ])('%o', (environment, problem) => {
    const { problems } = inspectConfig(environment);
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });
});

describe('[OPS-9] polls that POLICIES_LIST does not allow', () => {
  test.each([
    [{ POLL_INTERVAL: '9s' }, /^POLL_INTERVAL polls up to 6.7 times a minute; .* 6 list calls a minute .* about 30m/],
    [{ POLL_INTERVAL: '1s' }, /^POLL_INTERVAL polls up to 60 times a minute; .* about 22s/],
    [{ POLL_INTERVAL: '100ms' }, /^POLL_INTERVAL polls up to 600 times a minute/],
    [{ POLL_CRON: '* * * * * *' }, /^POLL_CRON polls up to 60 times a minute/],
    [{ POLL_CRON: '*/5 * 8-9 * * *' }, /^POLL_CRON polls up to 12 times a minute/],
  ])('%o: said, with the number', (schedule, warning) => {
    const { problems, warnings } = inspectConfig({ ...POLLED, ...schedule });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  test.each([
    [{ POLL_INTERVAL: '10s' }],
    [{ POLL_INTERVAL: '5m' }],
    [{ POLL_CRON: '*/10 * * * * *' }],
    // A burst that the bucket holds.
    [{ POLL_CRON: '*/4 0 * * * *' }],
    [{}],
  ])('%o: nothing to say', (schedule) => {
    expect(inspectConfig({ ...POLLED, ...schedule }).warnings).toEqual([]);
  });

  test('each participant has its own budget; who polls nobody spends none', () => {
    const participants = Array.from({ length: 50 }, (_, i) => ({
      participant: String(10_000_000 + i),
      bridge: { address: 'b:1' },
    }));
    const path = join(folder, 'fifty');
    writeFileSync(path, JSON.stringify({ participants }));
    expect(inspectConfig({ BALDE_CONFIG: path, POLL_INTERVAL: '10s' }).warnings).toEqual([]);
    expect(inspectConfig({ POLL_INTERVAL: '1s' }, { withoutParticipants: true }).warnings).toEqual([]);
  });

  test('counted as the bucket does', () => {
    const every = (ms: number): Schedule => ({ kind: 'every', ms });
    expect(overspending(every(10_000), 0)).toBeNull();
    expect(overspending(every(5_000), 0)).toEqual({
      pollsPerMinute: 12,
      refusedAfterMs: expect.closeTo(200_000, 0) as number,
    });
    const reported = { capacity: 100, refillTokens: 60, refillPeriodSec: 60 };
    expect(overspending(every(1_000), 0, reported)).toBeNull();
  });
});
