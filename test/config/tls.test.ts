import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inspectConfig } from '../../src/config/config.ts';
import { issue } from '../support/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: Buffer | string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const authority = issue('authority');
const client = issue('client', authority);
const other = issue('other', authority);
const caFile = write('ca.pem', authority.certPem);
const certFile = write('cert.pem', client.certPem);
const keyFile = write('key.pem', client.keyPem);

const inspect = (tls: Readonly<Record<string, string>>) =>
  inspectConfig({ PARTICIPANT: '12345678', BRIDGE_ADDRESS: 'bridge:1', ...tls });

test('files of the environment and of the configuration file', () => {
  const expected = {
    ca: authority.certPem,
    client: { cert: client.certPem, key: client.keyPem },
    serverName: 'bridge.example',
  };
  const ofEnvironment = inspect({
    BRIDGE_TLS_CA_FILE: caFile,
    BRIDGE_TLS_CERT_FILE: certFile,
    BRIDGE_TLS_KEY_FILE: keyFile,
    BRIDGE_TLS_SERVER_NAME: 'bridge.example',
  });
  expect(ofEnvironment.problems).toEqual([]);
  expect(ofEnvironment.config.participants[0]?.bridge.tls).toEqual(expected);

  const tls = { caFile, certFile, keyFile, serverName: 'bridge.example' };
  const file = { participants: [{ participant: '12345678', bridge: { address: 'bridge:1', tls } }] };
  const ofFile = inspectConfig({ BALDE_CONFIG: write('balde.json', JSON.stringify(file)) });
  expect(ofFile.problems).toEqual([]);
  expect(ofFile.config.participants[0]?.bridge.tls).toEqual(expected);
});

test('[OPS-2] missing files, files of another kind, a key of another certificate: all told, none quoted', () => {
  const broken = inspect({
    BRIDGE_TLS_CA_FILE: join(folder, 'none.pem'),
    BRIDGE_TLS_CERT_FILE: keyFile,
    BRIDGE_TLS_KEY_FILE: write('junk.pem', 'hunter2'),
  });
  expect(broken.problems).toEqual([
    `TLS authority of participant 12345678: ${join(folder, 'none.pem')}: there is no such file or folder. Check the path.`,
    `TLS certificate of participant 12345678: ${keyFile} holds no usable certificate in PEM form`,
    `TLS key of participant 12345678: ${join(folder, 'junk.pem')} holds no usable key in PEM form`,
  ]);
  const swapped = inspect({
    BRIDGE_TLS_CERT_FILE: certFile,
    BRIDGE_TLS_KEY_FILE: write('other.pem', other.keyPem),
  });
  expect(swapped.problems).toEqual(['TLS key of participant 12345678: is not the key of its certificate']);
});
