/** What stands between Balde and the broker, in words for the person who can remove it. */
import { LogError, LogUnavailableError } from '../eventLog.ts';

export interface ConnectionProblem {
  readonly what: string;
  /** What to do about it, as the end of a sentence; `null` when only the broker knows. */
  readonly remedy: string | null;
  /** It may pass, or be removed while Balde waits: trying again is right. */
  readonly passes: boolean;
}

class ConnectionRefusedError extends LogError {
  readonly problem: ConnectionProblem;

  constructor(problem: ConnectionProblem, options?: ErrorOptions) {
    super(textOf(problem), options);
    this.problem = problem;
  }
}

class ConnectionLostError extends LogUnavailableError {
  readonly problem: ConnectionProblem;

  constructor(problem: ConnectionProblem, options?: ErrorOptions) {
    super(textOf(problem), options);
    this.problem = problem;
  }
}

const textOf = ({ what, remedy }: ConnectionProblem): string => (remedy === null ? what : `${what}: ${remedy}`);

export const connectionError = (
  problem: ConnectionProblem,
  options?: ErrorOptions,
): ConnectionRefusedError | ConnectionLostError =>
  problem.passes ? new ConnectionLostError(problem, options) : new ConnectionRefusedError(problem, options);

/** `null`: the error is about something else. */
export const connectionProblemOf = (error: unknown): ConnectionProblem | null =>
  error instanceof ConnectionRefusedError || error instanceof ConnectionLostError ? error.problem : null;

/** The setting that names the address. */
export type AddressSetting = 'PULSAR_URL' | 'PULSAR_ADMIN_URL';

/** The plain and the encrypted form of each address. */
const SCHEMES: Readonly<Record<AddressSetting, readonly [string, string]>> = {
  PULSAR_URL: ['pulsar://', 'pulsar+ssl://'],
  PULSAR_ADMIN_URL: ['http://', 'https://'],
};

/** Why a connection fails, and what to do. */
type Hint = readonly [cause: string, remedy: string];

const AUTHORITY: Hint = [
  'it shows a certificate of an authority that is not trusted',
  'set PULSAR_CA_FILE to the certificate of the right one',
];
const CLIENT_CERTIFICATE: Hint = [
  'it refuses the client certificate',
  'check PULSAR_CERT_FILE and PULSAR_KEY_FILE, and that their authority is the one it expects',
];

/** In TLS 1.3 the client has finished when the server comes to judge its certificate. */
export const CLOSED_AFTER_HANDSHAKE = 'it closes the connection after the handshake';

const CERTIFICATE_HINTS: Readonly<Record<string, Hint>> = {
  CERT_HAS_EXPIRED: ["its certificate has expired, or this machine's clock is wrong", 'have it renewed'],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', "check this machine's clock"],
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  CERT_SIGNATURE_FAILURE: AUTHORITY,
};

/** A server that is asked in the other language: TLS or plaintext. */
const OTHER_LANGUAGE: ReadonlySet<string> = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'HPE_INVALID_CONSTANT',
]);

/** @param code of the operating system or of OpenSSL, or a message where there is none */
export function networkProblem(setting: AddressSetting, url: string, code: string): ConnectionProblem {
  const fatal = certificateHint(setting, code);
  if (fatal !== null) {
    const [cause, remedy] = fatal;
    return { what: `${url} can't be used (${code}): ${cause}`, remedy, passes: false };
  }
  return OTHER_LANGUAGE.has(code) ? otherLanguage(setting, url) : absent(setting, url, code);
}

/** Asked with TLS the port speaks plaintext, or the other way round. */
export function otherLanguage(setting: AddressSetting, url: string): ConnectionProblem {
  const [plain, encrypted] = SCHEMES[setting];
  const [what, remedy] = url.startsWith(encrypted)
    ? [`${url} does not speak TLS`, `${setting} must begin with ${plain}, or name the port with TLS`]
    : [`${url} expects TLS`, `${setting} must begin with ${encrypted}, or name the port without TLS`];
  return { what, remedy, passes: false };
}

function certificateHint(setting: AddressSetting, code: string): Hint | null {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return ['its certificate is for another host name', `${setting} must use a name that the certificate carries`];
  return CERTIFICATE_HINTS[code] ?? (code.includes('ALERT') ? CLIENT_CERTIFICATE : null);
}

function absent(setting: AddressSetting, url: string, code: string): ConnectionProblem {
  const [cause, remedy] = absenceHint(setting, code);
  const derived = setting === 'PULSAR_ADMIN_URL' ? " (when it isn't set: port 8080 or 8443 of PULSAR_URL's host)" : '';
  const what = `${url} does not answer (${code})${cause === null ? '' : `: ${cause}`}`;
  return { what, remedy: `${remedy}${derived}`, passes: true };
}

function absenceHint(setting: AddressSetting, code: string): readonly [cause: string | null, remedy: string] {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return ['the host name does not resolve', `check ${setting}`];
  return code === CLOSED_AFTER_HANDSHAKE
    ? [null, 'it may want a client certificate (PULSAR_CERT_FILE and PULSAR_KEY_FILE), or the broker behind it is down']
    : [null, `check ${setting}, and that the broker runs`];
}
