/** The token, and the cookies that stand for it: signed with it, so that no server keeps a list of who is signed in. */
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../domain/events.ts';

/** A shift. Milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Credentials {
  #digest: Buffer = Buffer.alloc(0);
  #key: Buffer = Buffer.alloc(0);

  constructor(token: string) {
    this.replace(token);
  }

  /** From now on another one holds: whoever signed in with the one before is not signed in any longer. */
  replace(token: string): void {
    this.#digest = digestOf(token);
    this.#key = Buffer.from(hkdfSync('sha256', token, '', 'balde session 1', 32));
  }

  /** Takes the same time whatever is given. */
  isToken(given: string): boolean {
    return timingSafeEqual(digestOf(given), this.#digest);
  }

  /** A cookie's value: until when it holds, something to tell it from others, and the signature of both. */
  session(now: EpochMs): string {
    const claim = `${now + SESSION_MS}.${randomBytes(12).toString('base64url')}`;
    return `${claim}.${this.#sign(claim).toString('base64url')}`;
  }

  isSession(cookie: string, now: EpochMs): boolean {
    const [, claim = '', until = '', signature = ''] = /^((\d{1,15})\.[\w-]{16})\.([\w-]{43})$/.exec(cookie) ?? [];
    const given = Buffer.from(signature, 'base64url');
    const made = this.#sign(claim);
    return given.length === made.length && timingSafeEqual(given, made) && Number(until) > now;
  }

  #sign(claim: string): Buffer {
    return createHmac('sha256', this.#key).update(claim).digest();
  }
}
