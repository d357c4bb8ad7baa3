/**
 * Why the broker can't be used. The client calls a port that is closed, a certificate that is not trusted and a token
 * that is refused by one name and tries again; a connection of our own tells them apart.
 */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { LogUnavailableError } from '../eventLog.ts';
import { connectData, readTls, refusal } from './credentials.ts';
import { AUTHENTICATION_ERROR, greet } from './handshake.ts';
import type { Greeting } from './handshake.ts';
import { CLOSED_AFTER_HANDSHAKE, networkProblem, connectionError, otherLanguage } from './connectionProblem.ts';
import type { ConnectionProblem } from './connectionProblem.ts';
import type { PulsarSettings } from './settings.ts';

const SETTING = 'PULSAR_URL';

/** `null` when one of the brokers named takes the connection. @throws {LogError} credentials can't be read */
export async function findProblem(settings: PulsarSettings): Promise<ConnectionProblem | null> {
  let first: ConnectionProblem | null = null;
  const [scheme = '', hosts = ''] = settings.serviceUrl.replace(/\/$/, '').split('://');
  for (const address of hosts.split(',')) {
    const found = await problemAt(`${scheme}://${address}`, settings);
    if (found === null) return null;
    first ??= found;
  }
  return first;
}

/** The error as it is, or what keeps the broker from being used. */
export async function explained(error: Error, settings: PulsarSettings): Promise<Error> {
  if (!(error instanceof LogUnavailableError)) return error;
  const problem = await findProblem(settings);
  return problem === null ? error : connectionError(problem, { cause: error });
}

async function problemAt(url: string, settings: PulsarSettings): Promise<ConnectionProblem | null> {
  const { hostname, port } = new URL(url.replace(/^pulsar(\+ssl)?:/, 'http:'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const encrypted: ConnectionOptions = {
    ...readTls(settings.tls),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  const isTls = url.startsWith('pulsar+ssl:');
  const greeting = { host, port: Number(port === '' ? 80 : port), ...connectData(settings) };
  const reply = await greet({ ...greeting, tls: isTls ? encrypted : null });
  switch (reply.kind) {
    case 'welcome':
      return null;
    case 'refused':
      if (reply.error === AUTHENTICATION_ERROR) return refusal(url, reply.reason, settings);
      return { what: `${url} refuses the connection: ${reply.reason}`, remedy: null, passes: true };
    case 'failed':
      if (isNetwork(reply.code)) return networkProblem(SETTING, url, reply.code);
      break;
    case 'silent':
      return networkProblem(SETTING, url, 'no answer');
    case 'closed':
    case 'foreign':
      break;
  }
  if (await speaksTheOther(greeting, isTls)) return otherLanguage(SETTING, url);
  if (reply.kind === 'failed') return networkProblem(SETTING, url, reply.code);
  if (reply.kind === 'closed')
    return networkProblem(SETTING, url, reply.encrypted ? CLOSED_AFTER_HANDSHAKE : 'it closes the connection');
  return { what: `${url} is no Pulsar broker`, remedy: `${SETTING} must name its port for clients`, passes: false };
}

/** Codes of the operating system: nothing was said in any language. */
const isNetwork = (code: string): boolean =>
  /^E(?!PROTO|CONNRESET|PIPE)[A-Z_]+$/.test(code) && !code.startsWith('ERR_');

/** Whether the port speaks TLS when it was asked in plaintext, or the other way round. */
async function speaksTheOther(greeting: Omit<Greeting, 'tls'>, isTls: boolean): Promise<boolean> {
  // What proves the role is not sent: nobody knows yet who listens.
  const tls = isTls ? null : { rejectUnauthorized: false };
  const reply = await greet({ ...greeting, method: 'none', data: '', tls });
  return reply.kind === 'welcome' || reply.kind === 'refused' || (reply.kind === 'closed' && reply.encrypted);
}
