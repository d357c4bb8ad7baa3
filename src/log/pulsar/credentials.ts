/** Tokens and certificates, in the form that the client and the REST interface take. */
import { readFileSync } from 'node:fs';
import type { ClientConfigBase } from 'pulsar-client';
import { LogError } from '../eventLog.ts';
import type { Pulsar } from './native.ts';
import type { PulsarSettings } from './settings.ts';

/** The token as it is now: a file's is read each time, so that a renewed one is used from the next connection on. */
export function readToken(token: PulsarSettings['token']): string | null {
  if (token === null) return null;
  if ('value' in token) return token.value;
  try {
    return readFileSync(token.file, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new LogError(`PULSAR_TOKEN_FILE: ${token.file} can't be read (${code})`, { cause: error });
  }
}

export function authentication(pulsar: Pulsar, { token, tls }: PulsarSettings): Partial<ClientConfigBase> {
  // Read once here: a file that is missing is a clear error now, not a connection that is refused later.
  readToken(token);
  const { caFile, certFile, keyFile } = tls;
  const trust = caFile === undefined ? {} : { tlsTrustCertsFilePath: caFile };
  const own =
    certFile === undefined || keyFile === undefined
      ? {}
      : { tlsCertificateFilePath: certFile, tlsPrivateKeyFilePath: keyFile };
  const common = { ...trust, ...own, tlsValidateHostname: true };
  if (token !== null) {
    // eslint-disable-next-line @typescript-eslint/require-await -- the addon awaits what the supplier returns
    const supplier = async (): Promise<string> => readToken(token) ?? '';
    return { ...common, authentication: new pulsar.AuthenticationToken({ token: supplier }) };
  }
  if (certFile !== undefined && keyFile !== undefined) {
    const files = { certificatePath: certFile, privateKeyPath: keyFile };
    return { ...common, authentication: new pulsar.AuthenticationTls(files) };
  }
  return common;
}
