import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { inspectConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/sources.ts';
import { issue } from '../support/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-http-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: Buffer | string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const inspect = (environment: Environment, serving = true) => {
  const { config, problems } = inspectConfig(environment, { withoutParticipants: true, serving });
  return { http: config.http, problems };
};
const TOKEN = '0123456789abcdef';
const tokenFile = write('token', `${TOKEN}\n`);

describe('[PAGE-4] who may look is said before anything is served', () => {
  test.each(['0.0.0.0', '::', '10.1.2.3', 'balde.example.com', '127.0.0.1.nip.io'])(
    'on %s a start is refused that says nothing',
    (host) => {
      const { problems } = inspect({ HTTP_HOST: host });
      expect(problems).toEqual([expect.stringMatching(/^HTTP_HOST: .*HTTP_TOKEN_FILE .*HTTP_AUTH=none/) as string]);
      // A command that serves nothing needs no token.
      expect(inspect({ HTTP_HOST: host }, false).problems).toEqual([]);
      for (const said of [{ HTTP_TOKEN: TOKEN }, { HTTP_TOKEN_FILE: tokenFile }, { HTTP_AUTH: 'none' }])
        expect(inspect({ HTTP_HOST: host, ...said }).problems).toEqual([]);
    },
  );

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('%s is this machine alone', (host) => {
    expect(inspect({ HTTP_HOST: host }).problems).toEqual([]);
  });

  test('what contradicts itself, is too short, or leads nowhere', () => {
    const missing = join(folder, 'none');
    expect(inspect({ HTTP_TOKEN: TOKEN, HTTP_AUTH: 'none' }).problems).toHaveLength(1);
    expect(inspect({ HTTP_TOKEN: TOKEN, HTTP_TOKEN_FILE: tokenFile }).problems).toHaveLength(1);
    expect(inspect({ HTTP_AUTH: 'token' }).problems).toEqual(['HTTP_AUTH=token: set HTTP_TOKEN_FILE or HTTP_TOKEN']);
    expect(inspect({ HTTP_METRICS_AUTH: 'true' }).problems).toHaveLength(1);
    const short = [{ HTTP_TOKEN: 'short' }, { HTTP_TOKEN_FILE: write('short', ' short \n') }];
    for (const said of short) {
      const { problems } = inspect(said);
      expect(problems[0]).toContain('has fewer than 16 characters');
      expect(problems.join()).not.toContain(' short ');
    }
    expect(inspect({ HTTP_TOKEN_FILE: missing }).problems[0]).toContain(`HTTP_TOKEN_FILE`);
    expect(inspect({ HTTP_AUTH: 'basic' }).problems).toEqual(['HTTP_AUTH: must be one of token, none']);
  });
});

test('names the server is called by', () => {
  const { http, problems } = inspect({ HTTP_ALLOWED_HOSTS: 'Balde.example.com, other:8443,[fe80::1]:80' });
  expect([http.allowedHosts, problems]).toEqual([['balde.example.com', 'other:8443', '[fe80::1]:80'], []]);
  for (const list of ['https://balde.example.com', 'a,,b', '*', 'a b'])
    expect(inspect({ HTTP_ALLOWED_HOSTS: list }).problems).toEqual([
      expect.stringContaining('HTTP_ALLOWED_HOSTS: must be names') as string,
    ]);
});

test('certificate and key belong together', () => {
  const [own, other] = [issue('balde'), issue('other')];
  const certFile = write('cert.pem', own.certPem);
  const keyFile = write('key.pem', own.keyPem);
  const files = (key: string): Environment => ({ HTTP_TLS_CERT_FILE: certFile, HTTP_TLS_KEY_FILE: key });
  expect(inspect(files(keyFile))).toMatchObject({ http: { tls: { certFile, keyFile } }, problems: [] });
  for (const wrong of [write('other.pem', other.keyPem), write('nonsense.pem', 'nonsense')])
    expect(inspect(files(wrong)).problems).toHaveLength(1);
  expect(inspect({ HTTP_TLS_CERT_FILE: certFile }).problems).toHaveLength(1);
});

test('[CALLIN-3, CALLIN-4] where calls are taken in, and of whom', () => {
  const outcomes = (environment: Environment) => {
    const { config, problems } = inspectConfig(environment, { withoutParticipants: true });
    return [config.outcomes, problems];
  };
  const prometheus = { OUTCOMES_PROMETHEUS_URL: 'http://prometheus:9090', OUTCOMES_PROMETHEUS_QUERY: 'calls_total' };
  expect(
    outcomes({ OUTCOMES_TOKEN_FILE: tokenFile, ...prometheus, OUTCOMES_PROMETHEUS_LABELS: 'status=code' }),
  ).toEqual([
    {
      token: { file: tokenFile },
      prometheus: {
        ...{ url: 'http://prometheus:9090', query: 'calls_total' },
        labels: { participant: 'participant', policy: 'policy', status: 'code', source: 'job', operation: 'operation' },
      },
    },
    [],
  ]);
  for (const [wrong, says] of [
    [{ OUTCOMES_TOKEN: TOKEN, OUTCOMES_TOKEN_FILE: tokenFile }, 'are both set: keep one'],
    [{ OUTCOMES_TOKEN: TOKEN, HTTP_TOKEN: TOKEN }, 'is that of HTTP_TOKEN'],
    [{ OUTCOMES_TOKEN: 'short' }, 'has fewer than 16 characters'],
    [{ OUTCOMES_PROMETHEUS_URL: 'http://prometheus:9090' }, 'a server needs its query'],
    [{ ...prometheus, OUTCOMES_PROMETHEUS_URL: 'prometheus:9090' }, 'http://host:9090'],
    [{ ...prometheus, OUTCOMES_PROMETHEUS_LABELS: 'code=status' }, 'policy=bucket,status=code'],
  ] as const)
    expect(outcomes(wrong)[1]).toEqual([expect.stringContaining(says)]);
});

test('[PAYER-6] nothing is kept of payers without a key that can’t be guessed', () => {
  const key = 'a0'.repeat(32);
  const [keyFile, shortFile] = [write('payers.key', `${key}\n`), write('short.key', 'short\n')];
  const payers = (environment: Environment) => {
    const { config, problems } = inspectConfig(environment, { withoutParticipants: true });
    return [config.payers, problems];
  };
  expect(payers({ PAYERS_LIMIT: '5' })).toEqual([null, []]);
  expect(payers({ PAYERS_KEY: key })).toEqual([{ key, most: 100_000 }, []]);
  expect(payers({ PAYERS_KEY_FILE: keyFile, PAYERS_LIMIT: '5' })).toEqual([{ key, most: 5 }, []]);
  for (const [wrong, says] of [
    [{ PAYERS_KEY: key, PAYERS_KEY_FILE: keyFile }, 'are both set: keep one'],
    [{ PAYERS_KEY: 'short' }, 'has fewer than 32 characters'],
    [{ PAYERS_KEY_FILE: shortFile }, 'has fewer than 32 characters'],
    [{ PAYERS_KEY_FILE: join(folder, 'none') }, 'PAYERS_KEY_FILE'],
  ] as const)
    expect(payers(wrong)[1]).toEqual([expect.stringContaining(says)]);
});
