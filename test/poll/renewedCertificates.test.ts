import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectConfig } from '../../src/config/config.ts';
import { createBridgeClient } from '../../src/poll/bridgeClient.ts';
import type { BridgeClient } from '../../src/poll/bridgeClient.ts';
import { issue } from '../support/certificates.ts';
import type { Identity } from '../support/certificates.ts';
import { startFakeBridge } from './fakeBridge.ts';
import type { FakeBridge } from './fakeBridge.ts';
import { answerAt } from '../support/answers.ts';

const ANSWER = answerAt(Date.UTC(2026, 8, 20));
const PARTICIPANT = '12345678';

interface Authority {
  readonly own: Identity;
  readonly server: Identity;
  readonly client: Identity;
}
function authority(name: string): Authority {
  const own = issue(name);
  return { own, server: issue('bridge.test', own), client: issue('poller.test', own) };
}
const [old, renewed] = [authority('old.test'), authority('renewed.test')];

let folder: string;
let bridge: FakeBridge;
let client: BridgeClient;
const path = (name: string): string => join(folder, name);
const put = (files: Readonly<Record<string, Buffer | string>>): void => {
  for (const [name, content] of Object.entries(files)) writeFileSync(path(name), content);
};
const filesOf = ({ own, client: { certPem, keyPem } }: Authority) => ({
  'ca.pem': own.certPem,
  'cert.pem': certPem,
  'key.pem': keyPem,
});

const startBridge = async (of: Authority, address?: string): Promise<FakeBridge> => {
  const pair = { private_key: of.server.keyPem, cert_chain: of.server.certPem };
  return await startFakeBridge(ANSWER, ServerCredentials.createSsl(of.own.certPem, [pair], true), address);
};

/** As `balde start` and `balde doctor` read it: from the environment, or from the file of BALDE_CONFIG. */
const SOURCES = {
  'the environment': (address: string) => ({
    PARTICIPANT,
    BRIDGE_ADDRESS: address,
    BRIDGE_TLS_CA_FILE: path('ca.pem'),
    BRIDGE_TLS_CERT_FILE: path('cert.pem'),
    BRIDGE_TLS_KEY_FILE: path('key.pem'),
    BRIDGE_TLS_SERVER_NAME: 'bridge.test',
  }),
  'the file of BALDE_CONFIG': (address: string) => {
    const tls = {
      ...{ caFile: path('ca.pem'), certFile: path('cert.pem'), keyFile: path('key.pem') },
      serverName: 'bridge.test',
    };
    put({
      'balde.json': JSON.stringify({
        participants: [{ participant: PARTICIPANT, bridge: { address, tls } }],
      }),
    });
    return { BALDE_CONFIG: path('balde.json') };
  },
} as const;

function open(source: keyof typeof SOURCES): BridgeClient {
  const { problems, config } = inspectConfig(SOURCES[source](bridge.address));
  expect(problems).toEqual([]);
  const [entry] = config.participants;
  if (entry === undefined) return expect.unreachable('no participant');
  return createBridgeClient({ ...entry.bridge, participant: PARTICIPANT });
}

const ask = async (): Promise<unknown> =>
  await client
    .listPolicies({
      correlationId: '0'.repeat(32),
      deadlineMs: 10_000,
      signal: new AbortController().signal,
    })
    .catch((error: unknown) => error);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'balde-renewed-'));
  put(filesOf(old));
  bridge = await startBridge(old);
});
afterEach(() => {
  client.close();
  bridge.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The Bridge is started again with certificates of the renewed authority. */
async function renewBridge(): Promise<void> {
  bridge.close();
  bridge = await startBridge(renewed, bridge.address);
}
const answers = async (): Promise<void> => {
  await expect.poll(ask, { timeout: 15_000 }).toEqual(ANSWER);
};

describe('certificates of a Bridge that are replaced while Balde runs [DB-5]', () => {
  it.each(Object.keys(SOURCES) as (keyof typeof SOURCES)[])('are used from the next call on: of %s', async (source) => {
    client = open(source);
    expect(await ask()).toEqual(ANSWER);
    await renewBridge();
    put(filesOf(renewed));
    await answers();
  });

  it.each<readonly [string, Readonly<Record<string, Buffer | string>>]>([
    ['only the certificate is new', { 'ca.pem': renewed.own.certPem, 'cert.pem': renewed.client.certPem }],
    ['a key is half written', { ...filesOf(renewed), 'key.pem': renewed.client.keyPem.subarray(0, 40) }],
    ['a certificate is empty', { ...filesOf(renewed), 'cert.pem': '' }],
    ['the authority is empty', { ...filesOf(renewed), 'ca.pem': '' }],
  ])('are read again until they fit together: %s', async (_, halfway) => {
    client = open('the environment');
    expect(await ask()).toEqual(ANSWER);
    put(halfway);
    // What was read before goes on to be used.
    expect(await ask()).toEqual(ANSWER);
    await renewBridge();
    expect(String(await ask())).toMatch(/participant 12345678/);
    put(filesOf(renewed));
    await answers();
  });

  it('leave a call under way where it began', async () => {
    client = open('the environment');
    bridge.reply = 'silence';
    const begun = client
      .listPolicies({
        correlationId: '0'.repeat(32),
        deadlineMs: 500,
        signal: new AbortController().signal,
      })
      .catch((error: unknown) => error);
    await expect.poll(() => bridge.calls.length).toBe(1);
    put({ 'cert.pem': issue('poller.test', old.own).certPem });
    const again = issue('poller.test', old.own);
    put({ 'cert.pem': again.certPem, 'key.pem': again.keyPem });
    bridge.reply = ANSWER;
    expect(await ask()).toEqual(ANSWER);
    expect(await begun).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
