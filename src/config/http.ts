/** Where the pages and /metrics are served, and who may look. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isLoopback } from '../loopback.ts';
import { readFile } from './sources.ts';
import type { Problems } from './sources.ts';
import { TOKEN_LENGTH, TOKEN_TOO_SHORT } from './schema.ts';
import type { Settings } from './schema.ts';

/** A secret, or the file that holds it and is read again when it changes. */
export type Token = { readonly value: string } | { readonly file: string };

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** What people and machines prove themselves with; `null`: whoever reaches the address may look. */
  readonly token: Token | null;
  /** Whether /metrics asks for the token, too. */
  readonly metricsAuth: boolean;
  /** Names that this server is called by, beside addresses, localhost and the machine's own: `name` or `name:port`. */
  readonly allowedHosts: readonly string[];
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
}

const WITHOUT_TOKEN =
  'HTTP_HOST: others than this machine can reach that address: set HTTP_TOKEN_FILE (or HTTP_TOKEN) to a secret such as "openssl rand -hex 24" prints, or HTTP_AUTH=none if whoever reaches it may look';

/** @param serving the process is going to serve: then it must be said who may look */
export function httpOf(settings: Settings, serving: boolean, problems: Problems): HttpConfig {
  const token = tokenOf(settings, 'HTTP_TOKEN', problems);
  const { HTTP_HOST: host, HTTP_AUTH: auth, HTTP_METRICS_AUTH: metricsAuth } = settings;
  if (auth === 'none' && token !== null) problems.push('HTTP_AUTH=none and HTTP_TOKEN are both set: keep one');
  if (auth === 'token' && token === null) problems.push('HTTP_AUTH=token: set HTTP_TOKEN_FILE or HTTP_TOKEN');
  if (metricsAuth && token === null) problems.push('HTTP_METRICS_AUTH: there is no HTTP_TOKEN to ask for');
  if (serving && auth === undefined && token === null && !isLoopback(host)) problems.push(WITHOUT_TOKEN);
  return {
    ...{ host, port: settings.HTTP_PORT, token, metricsAuth, allowedHosts: settings.HTTP_ALLOWED_HOSTS ?? [] },
    tls: tlsOf(settings, problems),
  };
}

/** Of the settings `name` and `name_FILE`. */
export function tokenOf(settings: Settings, name: 'HTTP_TOKEN' | 'OUTCOMES_TOKEN', problems: Problems): Token | null {
  const { [name]: value, [`${name}_FILE` as const]: file } = settings;
  if (value !== undefined) return { value };
  if (file === undefined) return null;
  const held = readFile(file, `${name}_FILE`, problems);
  if (held !== null && held.toString('utf8').trim().length < TOKEN_LENGTH)
    problems.push(`${name}_FILE: ${file} ${TOKEN_TOO_SHORT}`);
  return { file };
}

function tlsOf(settings: Settings, problems: Problems): HttpConfig['tls'] {
  const { HTTP_TLS_CERT_FILE: certFile, HTTP_TLS_KEY_FILE: keyFile } = settings;
  if (certFile === undefined || keyFile === undefined) return null;
  const cert = readFile(certFile, 'HTTP_TLS_CERT_FILE', problems);
  const key = readFile(keyFile, 'HTTP_TLS_KEY_FILE', problems);
  if (cert !== null && key !== null && !belongTogether(cert, key))
    problems.push('HTTP_TLS_CERT_FILE and HTTP_TLS_KEY_FILE: are no certificate and its key in PEM form');
  return { certFile, keyFile };
}

function belongTogether(cert: Buffer, key: Buffer): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
