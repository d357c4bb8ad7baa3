/**
 * A broker that asks for TLS and a proof of the role: certificates, tokens, rights, and what is said when they are
 * wrong.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import type { Broker, BrokerOptions } from '../../tools/pulsar-broker/broker.ts';
import { FOLD_NAMES } from '../../src/topology/folds.ts';
import { balde } from '../cli/balde.ts';
import { lastWords, run } from '../support/running.ts';
import { message, never, shared, take, texts } from '../support/topics.ts';
import { issue } from '../support/certificates.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar } from '../support/pulsarSuites.ts';
import { administrator, commandsOf, environmentOf, obey, settingsOf, tokenFor } from './given.ts';

const START_MS = 150_000;
const ROLE = 'balde';
const PROVIDERS = ['Token', 'Tls'].map(
  (name) => `org.apache.pulsar.broker.authentication.AuthenticationProvider${name}`,
);

const authority = issue('authority');
const server = issue('localhost', authority);
const client = issue(ROLE, authority);
const stranger = issue('stranger');
const secret = randomBytes(32);

const spec = {
  name: 'things',
  partitions: 2,
  schema: { kind: 'bytes', definition: '' },
  keep: 'forever',
} as const;

describePulsar('a broker with TLS, tokens and rights [PUL-1]', () => {
  let folder = '';
  let options: BrokerOptions;
  let broker: Broker;
  let secure: PulsarSettings;
  const files: Record<string, string> = {};
  const opened: PulsarLog[] = [];

  const file = async (name: string, content: Buffer | string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return (files[name] = path);
  };
  const logOf = (values: Partial<PulsarSettings> = {}): PulsarLog => {
    const log = new PulsarLog({ ...secure, ...values });
    opened.push(log);
    return log;
  };
  const admin = () => administrator(broker.adminUrl, tokenFor('admin', secret));
  const localhost = (port: number | undefined): string => `localhost:${port ?? 0}`;

  beforeAll(async () => {
    await ensureBinding({ report: () => undefined });
    folder = await mkdtemp(join(tmpdir(), 'balde-security-'));
    await file('ca.pem', authority.certPem);
    await file('client.pem', client.certPem);
    await file('client.key', client.keyPem);
    await file('stranger.pem', stranger.certPem);
    await file('stranger.key', stranger.keyPem);
    options = {
      dataDir: join(folder, 'data'),
      quickStart: true,
      tokenSecretFile: await file('secret', secret),
      tls: {
        certFile: await file('server.pem', server.certPem),
        keyFile: await file('server.key', server.keyPem),
        caFile: files['ca.pem'] ?? '',
      },
      // Clients are sent to the name that the certificate carries.
      settings: { advertisedAddress: 'localhost', authenticationProviders: PROVIDERS.join(',') },
    };
    broker = await startBroker(options);
    secure = settingsOf({
      serviceUrl: `pulsar+ssl://${localhost(broker.ports.serviceTls)}`,
      adminUrl: `https://${localhost(broker.ports.adminTls)}`,
      token: { value: tokenFor('admin', secret) },
      tls: { caFile: files['ca.pem'] ?? '' },
    });
  }, START_MS);
  afterAll(async () => {
    await Promise.all(opened.map(async (log) => log.close()));
    await broker.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** Through the client both ways, and through the REST interface. */
  async function use(log: PulsarLog, topic: string = spec.name): Promise<void> {
    const producer = await shared(log, topic, 'user');
    const consumer = await log.consumer(topic, { subscription: null });
    const hello = randomUUID();
    const { stored } = await producer.send([message('k', producer.lastSequenceId + 1, hello)]);
    expect(stored).toBe(1);
    const found: string[] = [];
    while (!found.includes(hello)) found.push(...texts(await take(consumer, 1)));
    await consumer.close();
    await producer.close();
  }

  test('a token over TLS, and over an open connection', async () => {
    const log = logOf();
    await log.ensureTopic(spec);
    await use(log);
    const { serviceUrl, adminUrl } = broker;
    await use(logOf({ serviceUrl, adminUrl, tls: {} }));
  });

  test('mutual TLS: the role is the name in the certificate', async () => {
    const log = logOf();
    await log.ensureTopic(spec);
    await admin()('POST', `namespaces/${secure.tenant}/${secure.namespace}/permissions/${ROLE}`, [
      'produce',
      'consume',
    ]);
    const [certFile = '', keyFile = ''] = [files['client.pem'], files['client.key']];
    await use(logOf({ token: null, tls: { ...secure.tls, certFile, keyFile } }));
  });

  test.each<[string, () => Partial<PulsarSettings>, RegExp]>([
    ['no proof of the role', () => ({ token: null }), /does not accept the credentials .*: set PULSAR_TOKEN or/],
    [
      'a token of another key',
      () => ({ token: { value: tokenFor('admin', randomBytes(32)) } }),
      /does not accept the credentials .*: check that PULSAR_TOKEN holds a token of this cluster/,
    ],
    [
      'an expired token',
      () => ({ token: { value: tokenFor('admin', secret, Date.now() - 60_000) } }),
      /the token in PULSAR_TOKEN expired at 20.*Z, renew it$/,
    ],
    [
      'plaintext to the port with TLS',
      () => ({ serviceUrl: `pulsar://${localhost(broker.ports.serviceTls)}` }),
      /expects TLS: PULSAR_URL must begin with pulsar\+ssl:/,
    ],
    [
      'TLS to the port without',
      () => ({ serviceUrl: `pulsar+ssl://${localhost(broker.ports.service)}` }),
      /does not speak TLS: PULSAR_URL must begin with pulsar:/,
    ],
    ['an authority not trusted', () => ({ tls: {} }), /authority that is not trusted: set PULSAR_CA_FILE/],
    [
      'another host name than the certificate’s',
      () => ({ serviceUrl: `pulsar+ssl://127.0.0.1:${broker.ports.serviceTls ?? 0}` }),
      /certificate is for another host name: PULSAR_URL must use a name/,
    ],
    [
      'a key of another certificate',
      () => ({
        tls: { ...secure.tls, certFile: files['client.pem'] ?? '', keyFile: files['stranger.key'] ?? '' },
      }),
      /PULSAR_KEY_FILE does not hold the key/,
    ],
    [
      'a file that is no certificate',
      () => ({ tls: { caFile: files['secret'] ?? '' } }),
      /^PULSAR_CA_FILE holds no certificate/,
    ],
    [
      'REST in plaintext to the port with TLS',
      () => ({ adminUrl: `http://${localhost(broker.ports.adminTls)}` }),
      /expects TLS: PULSAR_ADMIN_URL must begin with https:/,
    ],
    [
      'REST with TLS to the port without',
      () => ({ adminUrl: `https://${localhost(broker.ports.admin)}` }),
      /does not speak TLS: PULSAR_ADMIN_URL must begin with http:/,
    ],
    [
      'the ports swapped',
      () => ({ serviceUrl: `pulsar://${localhost(broker.ports.admin)}` }),
      /is no Pulsar broker: PULSAR_URL must name its port for clients/,
    ],
  ])('%s: refused at once, with what to do', async (_what, values, words) => {
    const attempt = async (): Promise<void> => await logOf(values()).ensureTopic(spec);
    await expect(attempt()).rejects.toThrow(words);
    await expect(attempt()).rejects.not.toBeInstanceOf(LogUnavailableError);
  });

  test('a client certificate of a stranger: refused, and the files are named', async () => {
    const [certFile = '', keyFile = ''] = [files['stranger.pem'], files['stranger.key']];
    const log = logOf({ token: null, tls: { ...secure.tls, certFile, keyFile } });
    // Whether the broker's alert is seen or only the end of the connection is a matter of luck.
    await expect(log.ensureTopic(spec)).rejects.toThrow(/PULSAR_CERT_FILE and PULSAR_KEY_FILE/);
  });

  test('a process ends with the message alone and code 1, and shows no token', async () => {
    const { url } = await emptyDatabase();
    const token = tokenFor('admin', secret, Date.now() - 60_000);
    const environment = { DATABASE_URL: url, ...environmentOf({ ...secure, token: { value: token } }) };
    for (const args of [['migrate'], ['start', '--roles', 'states']]) {
      const { code, stdout, stderr } = await balde(args, { ...environment, HTTP_PORT: '0' });
      expect([code, stdout]).toEqual([1, '']);
      expect(lastWords(stderr)).toMatch(
        /^balde: pulsar\+ssl:.* the token in PULSAR_TOKEN expired at \S+Z, renew it\n$/,
      );
      expect(stderr).not.toContain(token);
    }
  });

  test('a role without rights: what an administrator must run is listed, and is enough', async () => {
    const { url } = await emptyDatabase();
    const settings = settingsOf({
      ...secure,
      namespace: 'rights',
      token: { value: tokenFor('clerk', secret) },
    });
    const environment = { DATABASE_URL: url, ...environmentOf(settings) };
    const refused = await balde(['migrate'], environment);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^balde: the topics can't be made or set up with the role given/);
    const commands = commandsOf(refused.stderr);
    expect(new Set(commands).size).toBe(commands.length);
    await obey(admin(), commands, 'clerk');
    const migrated = await balde(['migrate'], environment);
    expect([migrated.code, migrated.stderr]).toEqual([0, '']);
    // What only an administrator may do else is said in the same way.
    const grown = await balde(['migrate', '--partitions', '6'], environment);
    expect(grown.stderr).toMatch(/can't be added with this role/);
    await obey(admin(), commandsOf(grown.stderr), 'clerk');
    expect((await balde(['migrate', '--partitions', '6'], environment)).stdout).toMatch(/has 6 partitions already/);

    const started = run(['start', '--roles', [...FOLD_NAMES, 'relay', 'retention', 'http'].join(',')], environment);
    await started.says(/metrics {4}http/);
    expect(started.stdout()).toContain(`event log  Pulsar at ${secure.serviceUrl}, ${secure.tenant}/rights`);
    const log = logOf({ namespace: 'rights' });
    await use(log, POLICY_STATES.name);
    expect(await started.stop()).toBe(0);
  });

  test(
    'a token file is read anew: what was renewed is used, also by a process that waits and after a restart',
    async () => {
      const expiry = Date.now() + 2_000;
      const path = await file('token', tokenFor('admin', secret, expiry));
      const log = logOf({ namespace: 'renewed', token: { file: path } });
      await eventually(
        'the token has expired',
        async () =>
          await log.partitions('nothing').then(
            () => false,
            (error: unknown) =>
              error instanceof LogUnavailableError && error.message.includes('in PULSAR_TOKEN_FILE expired at'),
          ),
      );
      const { url } = await emptyDatabase();
      const environment = {
        DATABASE_URL: url,
        ...environmentOf({ ...secure, namespace: 'renewed', token: { file: path } }),
      };
      const waiting = run(['start', '--roles', 'states,http'], environment);
      await waiting.says(/waiting for the database and the log/);
      expect(waiting.stderr()).toMatch(/the token in PULSAR_TOKEN_FILE expired at/);
      await file('token', `${tokenFor('admin', secret)}\n`);
      await waiting.says(/metrics {4}http/);
      expect(await waiting.stop()).toBe(0);

      await log.ensureTopic(spec);
      const producer = await log.producer(spec.name, { name: 'p', access: 'exclusive', signal: never });
      const { ports } = broker;
      await broker.kill();
      // The broker is away when a process starts: it says so, and goes on when the broker is there.
      const early = run(['start', '--roles', 'states,http'], environment);
      await early.says(/does not answer \(ECONNREFUSED\): check PULSAR_URL, and that the broker runs/);
      broker = await startBroker({ ...options, ports });
      await early.says(/metrics {4}http/, 60_000);
      expect(early.stderr().match(/waiting for the database and the log/g)?.length).toBeLessThanOrEqual(5);
      expect(await early.stop()).toBe(0);
      const sent = await eventually(
        'the producer is back',
        async () =>
          await producer.send([message('k', 1)]).catch((error: unknown) => {
            if (error instanceof LogUnavailableError) return null;
            throw error;
          }),
      );
      expect(sent.stored + sent.duplicates).toBe(1);
      await use(log);
    },
    START_MS,
  );
});
