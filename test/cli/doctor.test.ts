import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkBridge } from '../../src/operate/doctor/bridgeChecks.ts';
import { clockFinding, skewMs } from '../../src/operate/doctor/clock.ts';
import type { Finding } from '../../src/operate/doctor/finding.ts';
import { acceleratedClock } from '../../src/simulator/clocks.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import type { Simulator, SimulatorOptions } from '../../src/simulator/server.ts';
import type { BridgeTls } from '../../src/poll/bridgeClient.ts';
import { issue } from '../support/certificates.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { PARTICIPANT, seed } from './seed.ts';

const never = new AbortController().signal;
const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map(async (close) => close()));
});

async function simulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const started = await startSimulator(options);
  closing.push(async () => started.close());
  return started;
}

/** What the first finding about a Bridge says. */
async function diagnose(address: string, tls: BridgeTls | null = null): Promise<Finding | undefined> {
  const { findings } = await checkBridge({ participant: PARTICIPANT, bridge: { address, tls } }, never);
  return findings[0];
}

describe('a Bridge', () => {
  test('that answers: its policies, the price of asking, and its clock', async () => {
    const bridge = await simulator();
    const { findings, policies } = await checkBridge(
      { participant: PARTICIPANT, bridge: { address: bridge.address, tls: null } },
      never,
    );
    expect(findings).toMatchObject([
      { status: 'ok', check: `Bridge of ${PARTICIPANT}`, remedy: null },
      { status: 'ok', check: `DICT clock, ${PARTICIPANT}` },
    ]);
    expect(findings[0]?.detail).toMatch(/^answered \d+ policies, .* cost one token of POLICIES_LIST$/);
    expect(policies.length).toBeGreaterThan(20);
    expect(bridge.served(PARTICIPANT)).toBe(1);
  });

  test('whose clock is an hour off', async () => {
    const bridge = await simulator({ clock: acceleratedClock(Date.now() - 3_600_000, 1) });
    const entry = { participant: PARTICIPANT, bridge: { address: bridge.address, tls: null } };
    const { findings } = await checkBridge(entry, never);
    expect(findings[1]).toMatchObject({ status: 'fail', check: `DICT clock, ${PARTICIPANT}` });
    expect(findings[1]?.detail).toMatch(/^3(600|599)\.\d s behind this machine$/);
  });

  test.each([
    ['UNAUTHENTICATED', 'fail', /client certificate/],
    ['PERMISSION_DENIED', 'fail', /refuses this participant/],
    ['RESOURCE_EXHAUSTED', 'warn', /polls too often/],
    ['DEADLINE_EXCEEDED', 'fail', /load of the Bridge/],
    ['UNIMPLEMENTED', 'fail', /Another service/],
    ['INTERNAL', 'fail', /log of the Bridge/],
  ] as const)('that answers %s', async (code, severity, remedy) => {
    const bridge = await simulator();
    bridge.faults.add({ kind: 'status', code: status[code] });
    const finding = await diagnose(bridge.address);
    expect(finding).toMatchObject({ status: severity });
    expect(finding?.detail).toContain(code);
    expect(finding?.remedy).toMatch(remedy);
  });

  test('whose port is closed, or whose name does not resolve', async () => {
    const closed = await diagnose('127.0.0.1:1');
    expect(closed?.detail).toMatch(/UNAVAILABLE.*\(ECONNREFUSED\)$/s);
    expect(closed?.remedy).toMatch(/Nothing listens there/);
    const unknown = await diagnose('nowhere.invalid:1');
    expect(unknown?.remedy).toMatch(/name does not resolve/);
  });

  test('that is something else altogether', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('220 mail ready\r\n', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(async () => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    expect((await diagnose(`127.0.0.1:${port}`))?.remedy).toMatch(/no gRPC is spoken as configured/);
  });
});

describe('a Bridge that speaks TLS', () => {
  const authority = issue('authority');
  const server = issue('localhost', authority);
  const client = issue('client', authority);
  const stranger = issue('stranger');
  const pair = { cert: client.certPem, key: client.keyPem };
  let address = '';
  let mutual = '';

  beforeAll(async () => {
    const tls = { cert: server.certPem, key: server.keyPem };
    const port = (bridge: Simulator): string => `localhost:${bridge.address.split(':')[1] ?? ''}`;
    address = port(await simulator({ tls }));
    mutual = port(await simulator({ tls: { ...tls, clientCa: authority.certPem } }));
  });

  test('answers with the right files', async () => {
    expect(await diagnose(mutual, { ca: authority.certPem, client: pair })).toMatchObject({ status: 'ok' });
  });

  test.each<[string, () => [string, BridgeTls | null], RegExp]>([
    ['asked in plaintext', () => [address, null], /wants TLS needs BRIDGE_TLS/],
    ['of an authority not trusted', () => [address, {}], /BRIDGE_TLS_CA_FILE/],
    [
      'under another name',
      () => [address, { ca: authority.certPem, serverName: 'dict.example' }],
      /BRIDGE_TLS_SERVER_NAME/,
    ],
    ['that wants a client certificate', () => [mutual, { ca: authority.certPem }], /refuses the client certificate/],
    [
      'that does not know the client’s authority',
      () => [mutual, { ca: authority.certPem, client: { cert: stranger.certPem, key: stranger.keyPem } }],
      /refuses the client certificate/,
    ],
  ])('%s', async (_what, given, remedy) => {
    const finding = await diagnose(...given());
    expect(finding).toMatchObject({ status: 'fail' });
    expect(finding?.remedy, finding?.detail).toMatch(remedy);
  });
});

test('clock skew: none within the call, then by its size', () => {
  expect(skewMs(150, 100, 200)).toBe(0);
  expect(skewMs(90, 100, 200)).toBe(-10);
  expect(skewMs(230, 100, 200)).toBe(30);
  expect([0, -4_999, 5_000, -149_000, 150_000].map((by) => clockFinding('c', by, 0, 0).status)).toEqual([
    'ok',
    'ok',
    'warn',
    'warn',
    'fail',
  ]);
});

describe('balde doctor', async () => {
  const { url, database, log } = await baldeDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'balde-doctor-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  interface Report {
    readonly ok: boolean;
    readonly checks: readonly Finding[];
  }
  const examine = async (environment: Readonly<Record<string, string>>) => {
    const ended = await balde(['doctor', '--json'], environment);
    const report = jsonOf<Report>(ended);
    expect(ended.code).toBe(report.ok ? 0 : 1);
    return { ...report, of: (check: string) => report.checks.find((finding) => finding.check === check) };
  };

  test('everything in order but what five-minute polls can’t see', async () => {
    const bridge = await simulator();
    await seed(database, log, Date.now() - 1_000);
    await balde(['retention', 'run'], { DATABASE_URL: url });
    const report = await examine({
      DATABASE_URL: url,
      PARTICIPANT,
      BRIDGE_ADDRESS: bridge.address,
      POLL_CRON: '*/5 * * * *',
    });
    expect(report.checks.filter((finding) => finding.status !== 'ok')).toMatchObject([
      { check: 'blind policies', status: 'warn' },
    ]);
    expect(report.ok).toBe(true);
    expect(report.of('blind policies')?.detail).toMatch(
      /ENTRIES_UPDATE \(after 12s: up to 96 % .*POLICIES_LIST \(after 40s: up to 87 % /,
    );
    expect(report.of('blind policies')?.remedy).toMatch(/^POLL_INTERVAL=11s sees them all/);
  });

  test('[OPS-2] a wrong configuration: every error, and what can be checked is checked', async () => {
    const report = await examine({ DATABASE_URL: url, HTTP_PORT: 'x', CRITICAL_PERCENT: '30', POLL_INTERVAL: '5m' });
    expect(report.ok).toBe(false);
    expect(report.of('configuration')?.detail.split('\n')).toEqual([
      'HTTP_PORT: must be a number',
      'CRITICAL_PERCENT: must be below WARNING_PERCENT',
      expect.stringContaining('no participant to poll') as string,
    ]);
    expect(report.of('database')).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/PostgreSQL \d+/) as string,
    });
    expect(report.of('schema')).toMatchObject({ status: 'ok' });
    // Without a Bridge the policies of the database are judged: FALLING and STEADY are above WARNING in a minute.
    expect(report.of('blind policies')?.detail).toMatch(/^2 can be empty/);
  });

  test('[OPS-2] a database that is not there, and a secret that stays one', async () => {
    const secret = join(folder, 'url');
    writeFileSync(secret, 'postgresql://balde:s3cret@127.0.0.1:1/balde');
    const ended = await balde(['doctor'], {
      DATABASE_URL_FILE: secret,
      PARTICIPANT,
      BRIDGE_ADDRESS: '127.0.0.1:1',
    });
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^fail {2}database .*ECONNREFUSED/m);
    expect(ended.stdout).toMatch(/^fail {2}Bridge of 12345678 .*UNAVAILABLE/m);
    expect(ended.stdout).toMatch(/→ Nothing listens there/);
    expect(ended.stdout + ended.stderr).not.toContain('s3cret');
    const unknown = await examine({ DATABASE_URL: 'mysql://balde:s3cret@db' });
    expect(unknown.of('database')?.detail).toMatch(/^not checked/);
    expect(JSON.stringify(unknown.checks)).not.toContain('s3cret');
  });
});
