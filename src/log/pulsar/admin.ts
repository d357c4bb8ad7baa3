/** The brokers' REST interface (`/admin/v2`), as far as the log needs it. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { required } from '../../required.ts';
import { doubling } from '../../waiting.ts';
import { LogError, LogUnavailableError } from '../eventLog.ts';
import { readTls, readToken, refusal } from './credentials.ts';
import { networkProblem, connectionError } from './connectionProblem.ts';
import type { PulsarSettings } from './settings.ts';

export interface AdminReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The role may not do this: an administrator has to. */
export class AdminDeniedError extends LogError {
  override readonly name = 'AdminDeniedError';
}

/** What is asked for has more headers than the broker's server writes (8 KB): it says 500, and nothing else. */
export class HeadersTooLargeError extends LogUnavailableError {}

const TIMEOUT_MS = 15_000;
const MAX_REDIRECTS = 5;
const MOVING_PATIENCE_MS = 10_000;
/** 412 is "can't find owner": the namespace is moving between brokers, which takes a moment. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 412, 429, 500, 502, 503, 504]);

export class AdminClient {
  readonly #settings: PulsarSettings;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(settings: PulsarSettings) {
    this.#settings = settings;
    const isTls = settings.adminUrl.startsWith('https:');
    this.#agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  /**
   * @param path below `/admin/v2/`
   * @returns any status that a caller can make sense of: 2xx, 404, 409
   * @throws {AdminDeniedError} the role may not do this
   * @throws {HeadersTooLargeError} the answer's headers are more than the server writes
   * @throws {LogUnavailableError} no answer, or one that says to try again, or credentials that may be renewed
   * @throws {LogError} what trying again does not change: credentials, certificates, a request that is wrong
   */
  async request(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<AdminReply> {
    const url = new URL(`/admin/v2/${path}`, this.#settings.adminUrl);
    const text = body === undefined ? null : JSON.stringify(body);
    const until = performance.now() + MOVING_PATIENCE_MS;
    let reply = await this.#follow(method, url, text);
    for (const waitMs of doubling(50, 1_000)) {
      if (!passes(reply) || isHeaderOverflow(reply) || performance.now() > until) break;
      await delay(waitMs);
      reply = await this.#follow(method, url, text);
    }
    const { status } = reply;
    const what = `${method} ${url.origin}${url.pathname}`;
    if (status === 401 && !isAboutTheRole(reply))
      throw connectionError(refusal(url.origin, reasonOf(reply), this.#settings));
    if (status === 401 || status === 403) throw new AdminDeniedError(`${what}: ${status}, ${reasonOf(reply)}`);
    if (isHeaderOverflow(reply)) throw new HeadersTooLargeError(`${what}: ${status}, without a reason`);
    if (passes(reply)) throw new LogUnavailableError(`${what}: ${status}, ${reasonOf(reply)}`);
    if (status < 300 || status === 404 || status === 409) return reply;
    throw new LogError(`${what}: ${status}, ${reasonOf(reply)}`);
  }

  /** @returns the parsed answer, `null` for 404. */
  async get<T>(path: string): Promise<T | null> {
    const reply = await this.request('GET', path);
    return reply.status === 404 || reply.text === '' ? null : (JSON.parse(reply.text) as T);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** A broker that doesn't own the topic sends the client to the one that does. */
  async #follow(method: string, start: URL, body: string | null): Promise<AdminReply> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const reply = await this.#once(method, url, body);
      if (reply.location === undefined) return reply;
      url = new URL(reply.location, url);
    }
    throw new LogUnavailableError(`${start.href} redirects without end`);
  }

  async #once(method: string, url: URL, body: string | null): Promise<AdminReply & { location: string | undefined }> {
    const token = readToken(this.#settings);
    const headers = {
      accept: 'application/json',
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
    const isTls = url.protocol === 'https:';
    // Read anew: a certificate that was renewed is shown to the next connection.
    const options = { method, headers, timeout: TIMEOUT_MS, ...(isTls ? readTls(this.#settings.tls) : {}) };
    const request = isTls ? httpsRequest : httpRequest;
    return await new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        const problem = networkProblem('PULSAR_ADMIN_URL', url.origin, error.code ?? error.message);
        reject(connectionError(problem, { cause: error }));
      };
      const call = request(url, { ...options, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const status = required(response.statusCode, 'every response has a status');
          const { headers } = response;
          const location = status >= 300 && status < 400 ? headers.location : undefined;
          resolve({ status, headers, location, text: Buffer.concat(chunks).toString('utf8') });
        });
      });
      call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      call.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed an idle connection at the moment it was used again: nobody has seen the request.
        const isRace = call.reusedSocket && error.code === 'ECONNRESET' && method === 'GET';
        if (isRace) this.#once(method, url, body).then(resolve, reject);
        else fail(error);
      });
      call.end(body ?? undefined);
    });
  }
}

/** Schemas that don't go together are no failure of the server, though it says 500. */
const passes = ({ status, text }: AdminReply): boolean =>
  TRANSIENT_STATUSES.has(status) && !text.includes('schema compatibility check');

/** Every other failure of the broker comes with a page or a reason. */
const isHeaderOverflow = ({ status, text }: AdminReply): boolean => status === 500 && text === '';

/** A role that was recognised is answered with a reason; credentials that were not, by the server in front. */
const isAboutTheRole = ({ text }: AdminReply): boolean => /^\s*\{\s*"reason"/.test(text);

/** The broker's reason in one line: in JSON, or in the title of an HTML page. Stack traces and dumps are left out. */
export function reasonOf({ text }: AdminReply): string {
  const short = (reason: string): string =>
    reason
      .replace(/\n--- [\s\S]*$|:?\s*\{[\s\S]*$/, '')
      .replaceAll('&quot;', '"')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 500);
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string };
    const given = reason ?? message;
    if (given !== undefined) return short(given);
  } catch {
    // Not JSON: the title follows.
  }
  return short(/<title>([\s\S]*?)<\/title>/.exec(text)?.[1] ?? text);
}
