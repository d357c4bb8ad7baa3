/** The one thing that is written over HTTP: lines sent by who has the token for it. */
import type { IncomingMessage } from 'node:http';
import type { EpochMs } from '../domain/events.ts';
import type { Access } from './access.ts';
import { text } from './answer.ts';
import type { Answer } from './answer.ts';

/** The same for whoever sends: one process takes in so much. */
export interface IntakeLimits {
  readonly bytes: number;
  readonly lines: number;
  /** Requests at once, and how many a second after that. */
  readonly burst: number;
  readonly perSecond: number;
  /** Bodies that are being read or stored at the same time. */
  readonly atOnce: number;
}

export const INTAKE_LIMITS: IntakeLimits = { bytes: 4_194_304, lines: 10_000, burst: 60, perSecond: 10, atOnce: 4 };

export interface IntakeOptions {
  readonly path: string;
  /** Takes in the lines of a body, the empty ones among them. */
  readonly take: (lines: readonly string[]) => Promise<Answer>;
  readonly now: () => EpochMs;
  readonly limits?: Partial<IntakeLimits>;
}

const NDJSON = /^application\/(x-ndjson|ndjson|jsonl|x-jsonlines)\s*(;\s*charset="?utf-8"?\s*)?$/i;

export class Intake {
  readonly path: string;
  readonly #take: IntakeOptions['take'];
  readonly #now: () => EpochMs;
  readonly #limits: IntakeLimits;
  #tokens: number;
  #filledAt: EpochMs;
  #underWay = 0;

  constructor({ path, take, now, limits }: IntakeOptions) {
    this.path = path;
    this.#take = take;
    this.#now = now;
    this.#limits = { ...INTAKE_LIMITS, ...limits };
    this.#tokens = this.#limits.burst;
    this.#filledAt = now();
  }

  /** Whatever is refused was not read: the connection ends with the answer, where a body may still come. */
  async answer(access: Access, request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return text(405, 'only POST is served here', { allow: 'POST' });
    const refused = access.admitWriter(request) ?? this.#unfit(request) ?? this.#tooMuch();
    if (refused !== null) return ending(refused);
    this.#underWay += 1;
    try {
      return await this.#read(request);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #read(request: IncomingMessage): Promise<Answer> {
    const body = await bodyOf(request, this.#limits.bytes);
    if (body === 'too long') return ending(this.#tooLong());
    if (body === 'broken off') return ending(text(400, 'the body broke off'));
    const content = decoded(body);
    if (content === null) return text(400, 'the body is not UTF-8');
    const lines = content.split('\n');
    if (lines.at(-1) === '') lines.pop();
    const { lines: most } = this.#limits;
    if (lines.length > most) return text(413, `the body has ${lines.length} lines: send at most ${most} at once`);
    if (lines.every((line) => line.trim() === '')) return text(400, 'the body has no line');
    return await this.#take(lines);
  }

  #tooLong = (): Answer => text(413, `the body is longer than ${this.#limits.bytes} bytes: send it in parts`);

  #unfit({ headers }: IncomingMessage): Answer | null {
    if (!NDJSON.test(headers['content-type'] ?? ''))
      return text(415, 'send NDJSON: content-type application/x-ndjson', { accept: 'application/x-ndjson' });
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      return text(415, 'send the body as it is, without content-encoding', { 'accept-encoding': 'identity' });
    return Number(headers['content-length'] ?? 0) > this.#limits.bytes ? this.#tooLong() : null;
  }

  /** Counts the request, unless it is one too many. */
  #tooMuch(): Answer | null {
    const { burst, perSecond, atOnce } = this.#limits;
    if (this.#underWay >= atOnce) return text(429, 'too much is being taken in', { 'retry-after': '1' });
    const now = this.#now();
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#filledAt) / 1_000) * perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1)
      return text(429, `at most ${perSecond} requests a second are taken in`, { 'retry-after': '1' });
    this.#tokens -= 1;
    return null;
  }
}

const ending = (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, connection: 'close' } });

function decoded(body: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

async function bodyOf(request: IncomingMessage, most: number): Promise<Buffer | 'too long' | 'broken off'> {
  const parts: Buffer[] = [];
  let size = 0;
  return await new Promise((resolve) => {
    request.on('data', (part: Buffer) => {
      size += part.length;
      if (size > most) resolve('too long');
      else parts.push(part);
    });
    request.once('end', () => resolve(Buffer.concat(parts)));
    request.once('close', () => resolve('broken off'));
    request.once('error', () => resolve('broken off'));
  });
}
