/** Tokens and certificates, in the forms that the client, the REST interface and the protocol take. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type PulsarModule from 'pulsar-client';
import type { ClientConfigBase } from 'pulsar-client';
import { systemErrorText } from '../../systemErrors.ts';
import { LogError } from '../eventLog.ts';
import type { ConnectionProblem } from './connectionProblem.ts';
import type { PulsarSettings } from './settings.ts';

type Token = NonNullable<PulsarSettings['token']>;

/** The token as it is now: a file is read each time, so that a renewed token is used from the next connection on. */
const currentToken = (token: Token): string =>
  'value' in token ? token.value : readSecret(token.file, 'PULSAR_TOKEN_FILE').toString('utf8').trim();

/** `null`: no token is configured. @throws {LogError} its file can't be read */
export const readToken = ({ token }: PulsarSettings): string | null => (token === null ? null : currentToken(token));

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The files as they are now. @throws {LogError} one can't be read */
export function readTls({ caFile, certFile, keyFile }: PulsarSettings['tls']): TlsMaterial {
  return {
    ...(caFile === undefined ? {} : { ca: readSecret(caFile, 'PULSAR_CA_FILE') }),
    ...(certFile === undefined ? {} : { cert: readSecret(certFile, 'PULSAR_CERT_FILE') }),
    ...(keyFile === undefined ? {} : { key: readSecret(keyFile, 'PULSAR_KEY_FILE') }),
  };
}

function readSecret(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const text = systemErrorText(error, { setting, path }) ?? `${setting} ${path}: ${String(error)}`;
    throw new LogError(text, { cause: error });
  }
}

/** The client would only say that it can't connect. @throws {LogError} files that hold something else */
export function checkCredentials(settings: PulsarSettings): void {
  readToken(settings);
  const { ca, cert, key } = readTls(settings.tls);
  if (ca !== undefined) assertCertificate('PULSAR_CA_FILE', ca);
  if (cert === undefined || key === undefined) return;
  assertCertificate('PULSAR_CERT_FILE', cert);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new LogError('PULSAR_KEY_FILE does not hold the key of the certificate in PULSAR_CERT_FILE', {
      cause: error,
    });
  }
}

function assertCertificate(setting: string, pem: Buffer): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new LogError(`${setting} holds no certificate in PEM format`, { cause: error });
  }
}

/** What the client is configured with. @throws {LogError} see {@link checkCredentials} */
export function authentication(pulsar: typeof PulsarModule, settings: PulsarSettings): Partial<ClientConfigBase> {
  checkCredentials(settings);
  const { token, tls } = settings;
  const { caFile, certFile, keyFile } = tls;
  const trust = caFile === undefined ? {} : { tlsTrustCertsFilePath: caFile };
  const own =
    certFile === undefined || keyFile === undefined
      ? {}
      : { tlsCertificateFilePath: certFile, tlsPrivateKeyFilePath: keyFile };
  const common = { ...trust, ...own, tlsValidateHostname: true };
  if (token !== null) {
    // A function is asked at each connection, and from then on keeps the process alive: only where it is needed.
    // oxlint-disable-next-line typescript/require-await -- the addon awaits what the supplier returns
    const supplier = async (): Promise<string> => readQuietly(token);
    const given = 'value' in token ? token.value : supplier;
    return { ...common, authentication: new pulsar.AuthenticationToken({ token: given }) };
  }
  if (certFile !== undefined && keyFile !== undefined) {
    const files = { certificatePath: certFile, privateKeyPath: keyFile };
    return { ...common, authentication: new pulsar.AuthenticationTls(files) };
  }
  return common;
}

/** The client waits forever on a supplier that rejects; without a token it is refused, and asks again. */
function readQuietly(token: Token): string {
  try {
    return currentToken(token);
  } catch {
    return '';
  }
}

/** Of the protocol's first message: the method's name, and what proves the role. */
export function connectData(settings: PulsarSettings): { readonly method: string; readonly data: string } {
  const token = readToken(settings);
  if (token !== null) return { method: 'token', data: token };
  return { method: settings.tls.certFile === undefined ? 'none' : 'tls', data: '' };
}

/** The broker refuses the credentials. What comes from a file may be renewed, so waiting for that is right. */
export function refusal(url: string, reason: string, settings: PulsarSettings): ConnectionProblem {
  const { token, tls } = settings;
  const passes = token === null ? tls.certFile !== undefined : 'file' in token;
  return { what: `${url} does not accept the credentials (${reason})`, remedy: remedy(settings), passes };
}

function remedy({ token, tls }: PulsarSettings): string {
  if (token !== null) {
    const setting = 'file' in token ? 'PULSAR_TOKEN_FILE' : 'PULSAR_TOKEN';
    const expiry = expiryOf(currentToken(token));
    return expiry !== null && expiry < Date.now()
      ? `the token in ${setting} expired at ${new Date(expiry).toISOString()}, renew it`
      : `check that ${setting} holds a token of this cluster`;
  }
  return tls.certFile === undefined
    ? 'set PULSAR_TOKEN or PULSAR_TOKEN_FILE, or PULSAR_CERT_FILE and PULSAR_KEY_FILE'
    : 'check that the broker takes the certificate in PULSAR_CERT_FILE as authentication';
}

/** When a JSON web token expires (unverified), milliseconds since 1970; `null`: never, or it is no such token. */
function expiryOf(token: string): number | null {
  const [, claims] = token.split('.');
  if (claims === undefined) return null;
  try {
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : null;
  } catch {
    return null;
  }
}
