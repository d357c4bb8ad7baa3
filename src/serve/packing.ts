/** The form in which an answer goes out: compressed, or only that it is still the same. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { required } from '../required.ts';
import type { Answer } from './answer.ts';

const gzipped = promisify(gzip);

/** Below this the head weighs more than what is saved. Bytes. */
const WORTH_BYTES = 1_024;

const COMPRESSIBLE = /^(?:text\/|application\/(?:json|javascript|[\w.-]+\+json)\b|image\/svg\+xml\b)/;

export interface Packed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What was made of a body, for as long as somebody holds on to it. */
interface Made {
  etag?: string;
  gzip?: Promise<Buffer>;
}
const made = new WeakMap<Buffer, Made>();

/** The answer as this asker takes it. A body that many ask for is compressed once, if it is the same Buffer. */
export async function pack(answer: Answer, asking: IncomingHttpHeaders): Promise<Packed> {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  const known = made.get(body) ?? {};
  made.set(body, known);
  const headers: Record<string, string> = { 'content-type': answer.type, ...answer.headers };
  if (answer.status === 200) {
    headers['etag'] ??= known.etag ??= etagOf(body);
    headers['cache-control'] ??= 'private, no-cache';
    if (isSame(asking['if-none-match'], headers['etag'])) return unchanged(headers);
  }
  if (!COMPRESSIBLE.test(answer.type) || body.length < WORTH_BYTES) return { status: answer.status, headers, body };
  headers['vary'] = varying(headers['vary']);
  if (!takesGzip(asking['accept-encoding'])) return { status: answer.status, headers, body };
  const compressed = await (known.gzip ??= gzipped(body));
  return { status: answer.status, headers: { ...headers, 'content-encoding': 'gzip' }, body: compressed };
}

/** Weak: it is the same for the compressed form. */
const etagOf = (body: Buffer): string => `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;

function isSame(asked: string | undefined, etag: string): boolean {
  if (asked === undefined) return false;
  const plain = (tag: string): string => tag.trim().replace(/^W\//, '');
  return asked.trim() === '*' || asked.split(',').some((tag) => plain(tag) === plain(etag));
}

/** RFC 9110, 15.4.5: the headers that a cache needs, and no body. */
function unchanged({ 'content-type': _, ...headers }: Record<string, string>): Packed {
  return { status: 304, headers: { ...headers, vary: varying(headers['vary']) }, body: Buffer.alloc(0) };
}

const varying = (others = ''): string => (others === '' ? 'accept-encoding' : `${others}, accept-encoding`);

/** `gzip;q=0` refuses it. */
function takesGzip(accepted: string | string[] | undefined): boolean {
  const weights = new Map(
    String(accepted ?? '')
      .toLowerCase()
      .split(',')
      .map((entry) => {
        const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim());
        const weight = parameters.find((parameter) => parameter.startsWith('q='));
        return [coding, weight === undefined ? 1 : Number(required(weight.split('=')[1], 'it begins with q='))];
      }),
  );
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}
