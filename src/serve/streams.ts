/** Answers without an end: how many there may be, and whether whoever has one still may look. */
import type { ServerResponse } from 'node:http';
import type { StreamedAnswer } from './answer.ts';
import type { Guard } from './guard.ts';
import { securityHeaders } from './securityHeaders.ts';

/** A session that ends, or a token that is replaced, ends its streams within this. Milliseconds. */
const CHECK_MS = 5_000;

export class Streams {
  readonly #guard: Guard;
  readonly #open = new Map<ServerResponse, () => boolean>();
  readonly #timer: NodeJS.Timeout;

  constructor(guard: Guard, checkMs = CHECK_MS) {
    this.#guard = guard;
    this.#timer = setInterval(() => this.#check(), checkMs).unref();
  }

  /** @returns false: there are as many as can be */
  begin(answer: StreamedAnswer, response: ServerResponse, isWelcome: () => boolean): boolean {
    if (!this.#guard.stream(response)) return false;
    this.#open.set(response, isWelcome);
    response.once('close', () => this.#open.delete(response));
    for (const [name, value] of Object.entries(securityHeaders('text/event-stream'))) response.setHeader(name, value);
    answer.begin(response);
    return true;
  }

  /** No more checks; the streams end with their connections. */
  end(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    for (const [response, isWelcome] of this.#open) if (!isWelcome()) response.destroy();
  }
}
