/** Words of the cases about operating on Pulsar: a namespace of one's own and its administrator. */
import { createHmac, randomUUID } from 'node:crypto';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';

const TENANT = 'balde-operating';

export const settingsOf = (values: Partial<PulsarSettings>): PulsarSettings => ({
  serviceUrl: 'pulsar://127.0.0.1:1',
  adminUrl: 'http://127.0.0.1:1',
  tenant: TENANT,
  namespace: `ns-${randomUUID()}`,
  listener: null,
  token: null,
  tls: {},
  ...values,
});

/** The settings as the environment has them. */
export function environmentOf(settings: PulsarSettings): Record<string, string> {
  const { serviceUrl, adminUrl, tenant, namespace, token, tls } = settings;
  const all = {
    PULSAR_URL: serviceUrl,
    PULSAR_ADMIN_URL: adminUrl,
    PULSAR_TENANT: tenant,
    PULSAR_NAMESPACE: namespace,
    PULSAR_TOKEN: token !== null && 'value' in token ? token.value : undefined,
    PULSAR_TOKEN_FILE: token !== null && 'file' in token ? token.file : undefined,
    PULSAR_CA_FILE: tls.caFile,
    PULSAR_CERT_FILE: tls.certFile,
    PULSAR_KEY_FILE: tls.keyFile,
  };
  return Object.fromEntries(Object.entries(all).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
}

/** What an administrator does, with `pulsar-admin` or otherwise. */
export type Administrator = (method: string, path: string, body?: unknown) => Promise<string>;

/** @throws {Error} the answer is no success */
export const administrator =
  (adminUrl: string, token?: string): Administrator =>
  async (method, path, body) => {
    const reply = await fetch(`${adminUrl}/admin/v2/${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    // What is there already needs not be made.
    if (!reply.ok && !(method === 'PUT' && reply.status === 409))
      throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return text;
  };

/** Does what the commands say that Balde prints for an administrator. */
export async function obey(admin: Administrator, commands: readonly string[], role: string): Promise<void> {
  const path = (url: string): string => url.replace('persistent://', 'persistent/');
  const does: readonly [RegExp, (...parts: string[]) => Promise<string>][] = [
    [
      /^pulsar-admin tenants create (\S+)$/,
      async (tenant) => await admin('PUT', `tenants/${tenant}`, { allowedClusters: ['standalone'] }),
    ],
    [/^pulsar-admin namespaces create (\S+)$/, async (namespace) => await admin('PUT', `namespaces/${namespace}`)],
    [
      /^pulsar-admin topics create-partitioned-topic (\S+) --partitions (\d+)$/,
      async (url = '', n) => await admin('PUT', `${path(url)}/partitions`, Number(n)),
    ],
    [
      /^pulsar-admin topics update-partitioned-topic (\S+) --partitions (\d+)$/,
      async (url = '', n) => await admin('POST', `${path(url)}/partitions`, Number(n)),
    ],
    [
      /^pulsar-admin topicPolicies set-deduplication (\S+) --enable$/,
      async (url = '') => await admin('POST', `${path(url)}/deduplicationEnabled`, true),
    ],
    [
      /^pulsar-admin topicPolicies set-retention (\S+) --time (-1|\d+d) --size -1$/,
      async (url = '', time = '') =>
        await admin('POST', `${path(url)}/retention`, {
          retentionTimeInMinutes: time === '-1' ? -1 : Number.parseInt(time, 10) * 1_440,
          retentionSizeInMB: -1,
        }),
    ],
    [
      /^pulsar-admin topicPolicies set-inactive-topic-policies (\S+) --disable-delete-while-inactive --max-inactive-duration 60s --delete-mode (\S+)$/,
      async (url = '', mode = '') =>
        await admin('POST', `${path(url)}/inactiveTopicPolicies`, {
          deleteWhileInactive: false,
          inactiveTopicDeleteMode: mode,
          maxInactiveDurationSeconds: 60,
        }),
    ],
    [
      /^pulsar-admin namespaces grant-permission (\S+) --role <role of Balde> --actions (\S+)$/,
      async (namespace, actions = '') =>
        await admin('POST', `namespaces/${namespace}/permissions/${role}`, actions.split(',')),
    ],
  ];
  for (const command of commands) {
    const found = does.find(([pattern]) => pattern.test(command));
    if (found === undefined) throw new Error(`nobody knows how to: ${command}`);
    await found[1](...(found[0].exec(command) ?? []).slice(1));
  }
}

/** The commands that a message lists. */
export const commandsOf = (message: string): string[] =>
  message
    .split('\n')
    .filter((line) => line.startsWith('  pulsar-admin '))
    .map((line) => line.trim());

/** @param expiresAt milliseconds since 1970; never, without */
export function tokenFor(role: string, secret: Buffer, expiresAt?: number): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = expiresAt === undefined ? {} : { exp: Math.floor(expiresAt / 1_000) };
  const content = `${encode({ alg: 'HS256' })}.${encode({ sub: role, ...exp })}`;
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}
