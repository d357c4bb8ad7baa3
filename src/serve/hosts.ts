/**
 * Whether a request means this server. A page of somebody else's that had its name lead here (DNS rebinding) would read
 * what the browser's user may see: a browser tells by which name it came, and from which page.
 */
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';
import { text } from './answer.ts';

/** Name without the port, in small letters; of an IPv6 address without brackets. */
const nameOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

/** Nobody can have an address, or these names, lead elsewhere: only names of the DNS can be made to. */
const isOwn = (name: string): boolean =>
  isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || name === hostname().toLowerCase();

/** What they tell is nobody's secret, and whoever probes or scrapes may know the server by any name. */
const PROBES = /^\/(?:healthz|readyz)$/;
const PROBES_AND_METRICS = /^\/(?:healthz|readyz|metrics)$/;

export interface HostOptions {
  /** `name` or `name:port`, in small letters. */
  readonly allowed: readonly string[];
  /** Only this machine reaches the server: then a scraper, too, calls it by a name that is its own. */
  readonly isLoopback: boolean;
}

export class Hosts {
  readonly #allowed: ReadonlySet<string>;
  readonly #byAnyName: RegExp;

  constructor({ allowed, isLoopback }: HostOptions) {
    this.#allowed = new Set(allowed);
    this.#byAnyName = isLoopback ? PROBES : PROBES_AND_METRICS;
  }

  /** @returns `null`: the request means this server */
  refusal({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>, { pathname }: URL): Answer | null {
    const { host, origin, 'sec-fetch-site': site } = headers;
    if (this.#byAnyName.test(pathname)) return null;
    if (host === undefined) return text(400, 'the header Host is missing');
    if (!this.#isOurs(host))
      return text(421, 'this server is not known by that name: list it in HTTP_ALLOWED_HOSTS if it should be');
    const isForeign = origin === undefined ? method === 'POST' && site === 'cross-site' : !this.#isSame(origin, host);
    return isForeign ? text(403, 'pages of others may not ask for this') : null;
  }

  #isOurs(host: string): boolean {
    const name = nameOf(host);
    return isOwn(name) || this.#allowed.has(host.toLowerCase()) || this.#allowed.has(name);
  }

  /** Behind a proxy that ends TLS the scheme differs, and perhaps the port. */
  #isSame(origin: string, host: string): boolean {
    if (!URL.canParse(origin)) return false;
    const { host: from } = new URL(origin);
    return from === host.toLowerCase().replace(/:(80|443)$/, '') || this.#allowed.has(from);
  }
}
