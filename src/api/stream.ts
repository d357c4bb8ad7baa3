/** The overview as server-sent events: the whole of it first, then what changes. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { StreamedAnswer } from '../serve/answer.ts';
import type { Hub, Version } from './hub.ts';

/** A reader that hears nothing for longer knows that the connection is dead. Milliseconds. */
const COMMENT_MS = 15_000;
const COMMENT = Buffer.from(':\n\n');
/** How long a browser waits before it connects again. Milliseconds. */
const RETRY_MS = 1_000;

const HEAD = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Proxies such as nginx keep an answer back otherwise.
  'x-accel-buffering': 'no',
} as const;

/** JSON has no line break in it. */
const eventOf = (name: string, value: unknown): Buffer =>
  Buffer.from(`event: ${name}\ndata: ${JSON.stringify(value)}\n\n`);

/** A version as bytes, made once however many read it. */
class Events {
  readonly #version: Version;
  #whole: Buffer | null = null;
  #change: Buffer | null = null;

  constructor(version: Version) {
    this.#version = version;
  }

  get whole(): Buffer {
    this.#whole ??= this.#numbered('overview', this.#version.overview);
    return this.#whole;
  }

  /** `null`: the whole has to be told. */
  get change(): Buffer | null {
    const { change } = this.#version;
    if (change !== null) this.#change ??= this.#numbered('change', change);
    return this.#change;
  }

  #numbered(name: string, value: unknown): Buffer {
    const event = eventOf(name, value);
    const hash = createHash('sha256').update(event).digest('hex').slice(0, 12);
    return Buffer.concat([Buffer.from(`id: ${this.#version.number}-${hash}\n`), event]);
  }
}

const MADE = new WeakMap<Version, Events>();

function eventsOf(version: Version): Events {
  const events = MADE.get(version) ?? new Events(version);
  MADE.set(version, events);
  return events;
}

/**
 * A stream for each that asks. One whose reader takes nothing gets nothing, until it has taken what it was sent; then
 * the whole of the newest: what is kept for it is never more than one event.
 */
export const streamOf = (hub: Hub): StreamedAnswer => ({
  begin: (response) => {
    response.writeHead(200, HEAD);
    response.write(`retry: ${RETRY_MS}\n\n`);
    const reader = new Reader(response);
    const end = hub.listen({
      changed: (version) => reader.tell(version),
      failed: (problem) => reader.say(eventOf('problem', problem)),
    });
    const comments = setInterval(() => reader.say(COMMENT), COMMENT_MS);
    response.once('close', () => {
      clearInterval(comments);
      end();
    });
  },
});

class Reader {
  readonly #response: ServerResponse;
  /** The version it was told last; `null`: none, or some were left out. */
  #told: number | null = null;
  #missed: Version | null = null;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('drain', () => {
      const missed = this.#missed;
      this.#missed = null;
      if (missed !== null) this.tell(missed);
    });
  }

  tell(version: Version): void {
    if (this.#response.writableNeedDrain) {
      this.#told = null;
      this.#missed = version;
      return;
    }
    const events = eventsOf(version);
    const follows = this.#told === version.number - 1;
    this.#response.write((follows ? events.change : null) ?? events.whole);
    this.#told = version.number;
  }

  /** What may be left out. */
  say(bytes: Buffer): void {
    if (!this.#response.writableNeedDrain) this.#response.write(bytes);
  }
}
