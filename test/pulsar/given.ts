/** Words of the cases about operating on Pulsar: a namespace of one's own, its administrator, programs that run. */
import { createHmac, randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import type { Environment } from '../../tools/pulsar-broker/programs.ts';
import { eventually } from '../support/eventually.ts';

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

export interface Running {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits until the output holds it. */
  says(what: RegExp, ms?: number): Promise<void>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** Runs the built program until it ends or is stopped. */
export function run(args: readonly string[], environment: Environment): Running {
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HTTP_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  afterAll(() => void child.kill('SIGKILL'));
  const all = (): string => out.join('') + err.join('');
  return {
    stdout: () => out.join(''),
    stderr: () => err.join(''),
    ended,
    says: async (what, ms = 30_000) => {
      await eventually(`the program says ${what.source}`, async () => Promise.resolve(what.test(all())), ms).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\nit said:\n${all()}`, { cause: error });
        },
      );
    },
    stop: async () => {
      child.kill('SIGTERM');
      return await ended;
    },
  };
}

/** The last words of a program: what is not a line of its log. */
export const lastWords = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n');
