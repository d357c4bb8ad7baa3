/** Who may look: whoever has the token, as a machine's header or as the cookie that the login form gives for it. */
import type { IncomingMessage } from 'node:http';
import type { EpochMs } from '../domain/events.ts';
import { text } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Credentials } from './credentials.ts';
import { Failures } from './failures.ts';

export const SESSION_COOKIE = 'balde_session';

export interface Visitor {
  /** By the login form. */
  readonly signedIn: boolean;
  /** Whether it still may look: asked of whoever has an answer without an end. */
  readonly isWelcome: () => boolean;
}

export interface AccessOptions {
  /** `null`: everybody may look. */
  readonly credentials: Credentials | null;
  /** Of whoever may write, and nothing else; `null`: nobody may. */
  readonly writer?: Credentials | null;
  /** Whether /metrics is for those alone who may look. */
  readonly metricsAuth: boolean;
  readonly now: () => EpochMs;
}

const ANYBODY: Visitor = { signedIn: false, isWelcome: () => true };

/** Probes have no token; the login page and what it is drawn with are for those who are not signed in. */
const OPEN = /^\/(?:healthz$|readyz$|login$|assets\/)/;

export class Access {
  readonly #options: AccessOptions;
  readonly #failures = new Failures();

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#options.credentials === null;
  }

  /** Who asks, or what they are answered instead. */
  admit(request: IncomingMessage, url: URL): Visitor | Answer {
    const { credentials, metricsAuth } = this.#options;
    if (credentials === null) return ANYBODY;
    const visitor = this.#bearer(credentials, request) ?? this.#signedIn(credentials, request);
    if (visitor !== null) return visitor;
    if (OPEN.test(url.pathname) || (url.pathname === '/metrics' && !metricsAuth)) return ANYBODY;
    return isForPerson(request) ? toLogin(request, url) : UNKNOWN;
  }

  /** Whether a request may write: `null`, or what it is answered instead. */
  admitWriter(request: IncomingMessage): Answer | null {
    const { credentials, writer = null, now } = this.#options;
    if (writer === null)
      return text(403, 'nothing is taken in here: OUTCOMES_TOKEN (or OUTCOMES_TOKEN_FILE) is not set');
    const { remoteAddress: address } = request.socket;
    const token = bearerOf(request);
    if (token === null) return UNKNOWN;
    const waitMs = this.#failures.waitMs(address, now());
    if (waitMs > 0) return tooOften(waitMs);
    if (writer.isToken(token)) return null;
    if (credentials?.isToken(token) === true)
      return text(403, 'this token may look: the one of OUTCOMES_TOKEN may write');
    this.#failures.count(address, now());
    return WRONG;
  }

  /** A token that somebody gives. @returns a session's value, or how long to wait in milliseconds; 0: it is wrong */
  try(token: string, address: string | undefined): string | number {
    const { credentials, now } = this.#options;
    const waitMs = this.#failures.waitMs(address, now());
    if (credentials === null || waitMs > 0) return waitMs;
    if (credentials.isToken(token)) return credentials.session(now());
    this.#failures.count(address, now());
    return 0;
  }

  #bearer(credentials: Credentials, request: IncomingMessage): Visitor | Answer | null {
    const token = bearerOf(request);
    if (token === null) return null;
    if (this.#options.writer?.isToken(token) === true) return text(403, 'this token may write calls, and not look');
    const tried = this.try(token, request.socket.remoteAddress);
    if (typeof tried === 'string') return { signedIn: false, isWelcome: () => credentials.isToken(token) };
    return tried === 0 ? WRONG : tooOften(tried);
  }

  #signedIn(credentials: Credentials, { headers }: IncomingMessage): Visitor | null {
    const { now } = this.#options;
    const cookie = cookieOf(headers.cookie, SESSION_COOKIE);
    const isWelcome = (): boolean => cookie !== null && credentials.isSession(cookie, now());
    return isWelcome() ? { signedIn: true, isWelcome } : null;
  }
}

function bearerOf({ headers }: IncomingMessage): string | null {
  const [, token = null] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  return token;
}

function cookieOf(header: string | undefined, name: string): string | null {
  const found = (header ?? '').split(';').find((pair) => pair.trim().startsWith(`${name}=`));
  return found === undefined ? null : found.trim().slice(name.length + 1);
}

const UNKNOWN = text(401, 'a token is needed: Authorization: Bearer …', { 'www-authenticate': 'Bearer realm="balde"' });
const WRONG = text(401, 'the token is wrong', {
  'www-authenticate': 'Bearer realm="balde", error="invalid_token"',
});

export const tooOften = (waitMs: number): Answer =>
  text(429, 'too many wrong tokens came from this address: wait a little', {
    'retry-after': String(Math.ceil(waitMs / 1_000)),
  });

const isForPerson = ({ headers }: IncomingMessage): boolean => (headers.accept ?? '').includes('text/html');

/**
 * To the login form, and back. A link on another site's page brings no cookie, even of somebody who is signed in: a
 * page that loads itself again does.
 */
function toLogin({ headers }: IncomingMessage, { pathname, search }: URL): Answer {
  const path = `${pathname}${search}`;
  const head = { 'cache-control': 'no-store' };
  if (headers['sec-fetch-site'] === 'cross-site')
    return { status: 200, type: 'text/html; charset=utf-8', body: AGAIN, headers: head };
  const login = path === '/' ? '/login' : `/login?${new URLSearchParams({ next: path }).toString()}`;
  return text(303, 'sign in first', { ...head, location: login });
}

const AGAIN = '<!doctype html><html lang="en"><title>Balde</title><meta http-equiv="refresh" content="0"></html>\n';
