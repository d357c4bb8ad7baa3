import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigurationError, inspectConfig, loadConfig } from '../../src/config/config.ts';
import type { Overrides } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const write = (content: string): string => {
  const path = join(folder, `file-${(files += 1)}`);
  writeFileSync(path, content);
  return path;
};
const fileOf = (content: unknown): string => write(JSON.stringify(content));

const POLLED: Environment = { PARTICIPANT: '12345678', BRIDGE_ADDRESS: 'bridge:50051' };

function problemsOf(environment: Environment, overrides: Overrides = {}): readonly string[] {
  try {
    loadConfig(environment, overrides);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
}

describe('what a right configuration becomes', () => {
  test('defaults', () => {
    expect(loadConfig(POLLED)).toEqual({
      databaseUrl: null,
      databaseUrlFile: null,
      dataDir: resolve('.balde'),
      archive: { dir: null, eventStoreUrl: null },
      pulsar: null,
      participants: [{ participant: '12345678', bridge: { address: 'bridge:50051', tls: null } }],
      poll: { schedule: { kind: 'adaptive', reservePercent: 25 }, whenElected: true, retireAfterLists: 3 },
      rules: { warningPercent: 20, criticalPercent: 10, resolveMargin: 0, forObservations: 1 },
      forecasts: { horizonMs: 300_000, trust: 2.2, shortestMs: 10_000, fullPercent: 85 },
      callAlerts: { NOT_FOUND_RATE: null, QUERIES_PER_PAYMENT_ORDER: null, UNEXPLAINED: null },
      retentionMonths: 13,
      retentionCron: '17 3 * * *',
      staleAfterMs: 900_000,
      http: { host: '127.0.0.1', port: 9464, token: null, metricsAuth: false, allowedHosts: [], tls: null },
      outcomes: { token: null, prometheus: null },
      payers: null,
      logLevel: 'info',
      logFormat: 'pino',
    });
  });

  test('an empty variable counts as not set', () => {
    expect(loadConfig({ ...POLLED, HTTP_PORT: '', DATABASE_URL: '', BALDE_CONFIG: '' }).http.port).toBe(9464);
  });

  test('the environment is stronger than the file, the file than a command’s own defaults', () => {
    const file = fileOf({ settings: { HTTP_PORT: 1001, WARNING_PERCENT: 30, POLL_WHEN_ELECTED: false } });
    const config = loadConfig(
      { ...POLLED, BALDE_CONFIG: file, HTTP_PORT: '1002' },
      { defaults: { HTTP_PORT: '1000', WARNING_PERCENT: '40', LOG_LEVEL: 'warn' } },
    );
    expect(config.http.port).toBe(1002);
    expect(config.rules.warningPercent).toBe(30);
    expect(config.poll.whenElected).toBe(false);
    expect(config.logLevel).toBe('warn');
  });

  test('--config and --data-dir are stronger than their variables', () => {
    const file = fileOf({ settings: { HTTP_PORT: 1001 } });
    const environment = { ...POLLED, BALDE_CONFIG: join(folder, 'none'), DATA_DIR: '/elsewhere' };
    const config = loadConfig(environment, { configFile: file, dataDir: folder });
    expect(config.http.port).toBe(1001);
    expect(config.dataDir).toBe(folder);
  });

  test('cron or interval: the stronger layer’s choice replaces the weaker one’s', () => {
    const interval = { POLL_INTERVAL: '10s' };
    const cron = { POLL_CRON: '* * * * *' };
    expect(loadConfig({ ...POLLED, ...cron }, { defaults: interval }).poll.schedule.kind).toBe('cron');
    const file = { BALDE_CONFIG: fileOf({ settings: cron }) };
    expect(loadConfig({ ...POLLED, ...file, ...interval }).poll.schedule).toEqual({
      kind: 'every',
      ms: 10_000,
    });
    expect(problemsOf({ ...POLLED, ...cron, ...interval })).toEqual([
      'POLL_CRON and POLL_INTERVAL are both set: keep one',
    ]);
  });

  test('participants of file and environment together; ISPBs in upper case', () => {
    const file = fileOf({ participants: [{ participant: 'abcd1234', bridge: { address: '[::1]:50051' } }] });
    const { participants } = loadConfig({ ...POLLED, BALDE_CONFIG: file });
    expect(participants.map((p) => [p.participant, p.bridge.address])).toEqual([
      ['ABCD1234', '[::1]:50051'],
      ['12345678', 'bridge:50051'],
    ]);
  });

  test('levels of alerts about calls: each off, or a number that can be reached', () => {
    const levels = { NOT_FOUND_ALERT_PERCENT: '7', QUERIES_PER_ORDER_ALERT: '1.9', UNEXPLAINED_ALERT_TOKENS: 'off' };
    expect(loadConfig({ ...POLLED, ...levels }).callAlerts).toEqual({
      ...{ NOT_FOUND_RATE: 7, QUERIES_PER_PAYMENT_ORDER: 1.9, UNEXPLAINED: null },
    });
    const wrong = { NOT_FOUND_ALERT_PERCENT: '100', QUERIES_PER_ORDER_ALERT: '0', UNEXPLAINED_ALERT_TOKENS: '1.5' };
    expect(problemsOf({ ...POLLED, ...wrong })).toEqual([
      'NOT_FOUND_ALERT_PERCENT: must be off, or a percentage from 0.1 to 99',
      'QUERIES_PER_ORDER_ALERT: must be at least 0.1',
      'UNEXPLAINED_ALERT_TOKENS: must be a whole number',
    ]);
  });

  test('a command that polls nobody reads no participant, and no key it may not be allowed to read', () => {
    const environment = { PARTICIPANT: '12345678', BRIDGE_ADDRESS: 'b:1', BRIDGE_TLS_CA_FILE: '/none' };
    expect(problemsOf(environment)).toHaveLength(1);
    expect(loadConfig(environment, { withoutParticipants: true }).participants).toEqual([]);
  });
});

describe('[OPS-2] every error at once', () => {
  test('of the environment', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://root:s3cret@db/x',
      POLL_CRON: 'every minute',
      RETENTION_CRON: '2030-01-01T00:00:00',
      WARNING_PERCENT: '10',
      CRITICAL_PERCENT: '10',
      FOR_OBSERVATIONS: '1.5',
      STALE_AFTER: '15',
      HTTP_PORT: '99999',
      LOG_LEVEL: 'loud',
      PULSAR_URL: 'http://broker',
      PULSAR_ADMIN_URL: 'broker:8080',
      PULSAR_TENANT: 'a/b',
      POLL_WHEN_ELECTED: 'yes',
      PARTICIPANT: '1234',
      BRIDGE_TLS_CERT_FILE: '/none',
    });
    expect(problems).toEqual([
      'DATABASE_URL: must be a connection string of the form postgresql://user:password@host:5432/database',
      'PULSAR_URL: must be an address of the form pulsar://host:6650 or pulsar+ssl://host:6651',
      'PULSAR_ADMIN_URL: must be an address of the form http://host:8080 or https://host:8443',
      'PULSAR_TENANT: must be the name of a tenant or namespace',
      'POLL_CRON: must be a cron expression of five or six fields, such as */5 * * * *',
      'POLL_WHEN_ELECTED: must be one of true, false',
      'FOR_OBSERVATIONS: must be a whole number',
      'RETENTION_CRON: must be a cron expression of five or six fields, such as */5 * * * *',
      'STALE_AFTER: must be a duration from 1s to 366d, such as 30s, 5m or 12h',
      'HTTP_PORT: must be at most 65535',
      'LOG_LEVEL: must be one of trace, debug, info, warn, error, silent',
      'CRITICAL_PERCENT: must be below WARNING_PERCENT',
      'PARTICIPANT: must be an ISPB of 8 letters and digits',
      'BRIDGE_ADDRESS: is missing',
      'BRIDGE_TLS_CERT_FILE and BRIDGE_TLS_KEY_FILE: a certificate needs its key, and a key its certificate',
    ]);
  });

  test('of the file, and of the environment above it', () => {
    const file = fileOf({
      settings: { HTTP_PRT: 80, HTTP_PORT: true, LOG_LEVEL: ['info'], PARTICIPANT: '12345678' },
      participants: [
        { participant: '12345678', bridge: { adress: 'b:1' } },
        { participant: '87654321' },
        { participant: '11111111', bridge: { address: 'b:0', tls: { ca: 'x' } } },
      ],
      plugins: [],
    });
    expect(problemsOf({ BALDE_CONFIG: file, WARNING_PERCENT: 'x' })).toEqual([
      `${file}: plugins is not known: a file has settings and participants`,
      `${file}: settings.HTTP_PRT is not a setting of Balde: did you mean HTTP_PORT?`,
      `${file}: settings.LOG_LEVEL: is neither text, a number, nor true or false`,
      `${file}: settings.PARTICIPANT is not a setting of Balde`,
      `${file}: participants.0.bridge.address: is missing`,
      `${file}: participants.0.bridge: adress is not known here`,
      `${file}: participants.1.bridge: is missing`,
      `${file}: participants.2.bridge.address: must be an address of the form host:port`,
      `${file}: participants.2.bridge.tls: ca is not known here`,
      'WARNING_PERCENT: must be a number',
      'HTTP_PORT: must be a number',
    ]);
  });

  test('none configured, and one configured twice', () => {
    expect(problemsOf({})).toEqual([expect.stringContaining('no participant to poll: set PARTICIPANT')]);
    const file = fileOf({ participants: [{ participant: '12345678', bridge: { address: 'b:1' } }] });
    expect(problemsOf({ ...POLLED, BALDE_CONFIG: file })).toEqual(['participant 12345678 is configured twice']);
  });

  test('numbers that coercion would have taken', () => {
    for (const text of [' ', '0x1F', '1e3', 'Infinity', '--1']) {
      expect(problemsOf({ ...POLLED, HTTP_PORT: text })).toEqual(['HTTP_PORT: must be a number']);
    }
    expect(problemsOf({ ...POLLED, BALDE_CONFIG: fileOf({ settings: { HTTP_PORT: '' } }) })).toHaveLength(1);
  });

  test('thresholds out of order are told beside other errors; a margin that never resolves', () => {
    expect(problemsOf({ ...POLLED, CRITICAL_PERCENT: '25', HTTP_PORT: 'x' })).toEqual([
      'HTTP_PORT: must be a number',
      'CRITICAL_PERCENT: must be below WARNING_PERCENT',
    ]);
    expect(problemsOf({ ...POLLED, RESOLVE_MARGIN: '80' })).toEqual([
      expect.stringMatching(/^RESOLVE_MARGIN: .* no alert could ever resolve/),
    ]);
  });

  test('encryption does not depend on a typing error', () => {
    for (const value of ['TRUE', 'yes', '1']) {
      expect(problemsOf({ ...POLLED, BRIDGE_TLS: value })).toEqual(['BRIDGE_TLS: must be one of true, false']);
    }
    expect(problemsOf({ ...POLLED, BRIDGE_TLS: 'false', BRIDGE_TLS_SERVER_NAME: 'b' })).toHaveLength(1);
    expect(problemsOf({ BRIDGE_TLS: 'true' })).toEqual([expect.stringContaining('would apply to no Bridge')]);
    expect(loadConfig({ ...POLLED, BRIDGE_TLS: 'true' }).participants[0]?.bridge.tls).toEqual({});
    expect(loadConfig({ ...POLLED, BRIDGE_TLS: 'false' }).participants[0]?.bridge.tls).toBeNull();
  });

  test('addresses', () => {
    const bad = ['bridge', 'bridge:', 'bridge:0', 'bridge:65536', 'http://bridge:1', '::1:50051', 'a b:1'];
    for (const address of bad) {
      const problems = problemsOf({ ...POLLED, BRIDGE_ADDRESS: address });
      expect(problems, address).toEqual(['BRIDGE_ADDRESS: must be an address of the form host:port']);
    }
  });
});

describe('[OPS-2] secrets', () => {
  const URL_WITH_SECRET = 'postgresql://balde:s3cret@db:5432/balde';

  const ADDRESSES = { DATABASE_URL: URL_WITH_SECRET, EVENTSTORE_URL: 'esdb://balde:s3cret@es:2113?tls=true' };
  describe.each(Object.entries(ADDRESSES))('%s', (name, address) => {
    test('comes from a file, without the line end that editors add', () => {
      const file = write(`${address}\n`);
      const isDatabase = name === 'DATABASE_URL';
      expect(loadConfig({ ...POLLED, [`${name}_FILE`]: file })).toMatchObject(
        isDatabase
          ? { databaseUrl: address, databaseUrlFile: file }
          : { archive: { eventStoreUrl: address, eventStoreUrlFile: file } },
      );
    });

    test('an unreadable file, a folder, an empty one, both ways at once', () => {
      const setting = `${name}_FILE`;
      const none = join(folder, 'none');
      expect(problemsOf({ ...POLLED, [setting]: none })).toEqual([
        `${setting}: ${none}: there is no such file or folder. Check the path.`,
      ]);
      mkdirSync(join(folder, 'dir'), { recursive: true });
      expect(problemsOf({ ...POLLED, [setting]: join(folder, 'dir') })).toEqual([
        `${setting}: ${join(folder, 'dir')}: is a folder, not a file. Name a file.`,
      ]);
      const empty = write(' \n');
      expect(problemsOf({ ...POLLED, [setting]: empty })).toEqual([`${setting}: ${empty} is empty`]);
      expect(problemsOf({ ...POLLED, [name]: address, [setting]: none })).toEqual([
        `${name} and ${setting} are both set: keep one`,
      ]);
    });
  });

  test('are in no error, whatever is wrong with them', () => {
    const urls = [
      'mysql://balde:s3cret@db/x',
      'postgresql://balde:pa/s3cret@db/x',
      'postgresql://balde:1?s3cret@db/x',
      'postgresql://balde:1#s3cret@db/x',
      'postgres:balde:s3cret@db',
    ];
    for (const url of urls) {
      const seen = [
        problemsOf({ ...POLLED, DATABASE_URL: url }),
        problemsOf({ ...POLLED, DATABASE_URL_FILE: write(url) }),
        problemsOf({ ...POLLED, BALDE_CONFIG: fileOf({ settings: { DATABASE_URL: url } }) }),
      ];
      for (const problems of seen) expect(problems, url).toEqual([expect.stringMatching(/^DATABASE_URL: /)]);
      expect(JSON.stringify(seen)).not.toContain('s3cret');
    }
  });

  test('a file that is no JSON is not quoted', () => {
    const broken = [
      `{\n"settings": {"DATABASE_URL": "${URL_WITH_SECRET}" s3cret`,
      '{"a": s3cret}',
      's3cret',
      '["s3cret"]',
    ];
    for (const text of broken) {
      const file = write(text);
      const problems = problemsOf({ ...POLLED, BALDE_CONFIG: file });
      expect(problems).toEqual([expect.stringMatching(/: (is not valid JSON|must be a JSON object)/)]);
      expect(problems.join()).not.toContain('s3cret');
    }
    expect(problemsOf({ ...POLLED, BALDE_CONFIG: write('{\n  "settings": {},\n}') })).toEqual([
      expect.stringMatching(/is not valid JSON \(line 3\)$/),
    ]);
  });
});

describe('inspecting goes on behind errors', () => {
  test('defaults stand in for what is wrong, and a wrong database is not another one', () => {
    const { config, problems, databaseKnown } = inspectConfig({
      DATABASE_URL: 'postgresql://db/balde',
      HTTP_PORT: 'x',
    });
    expect(problems).toHaveLength(2);
    expect(config.http.port).toBe(9464);
    expect(config.databaseUrl).toBe('postgresql://db/balde');
    expect(databaseKnown).toBe(true);
    for (const environment of [
      { DATABASE_URL: 'x' },
      { DATABASE_URL_FILE: '/none' },
      { BALDE_CONFIG: '/none' },
    ] as Environment[]) {
      expect(inspectConfig({ ...POLLED, ...environment }).databaseKnown).toBe(false);
    }
  });
});
