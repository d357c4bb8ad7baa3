/** What the HTTP server and its parts say to each other. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

/**
 * The server adds security headers and, to answers with status 200, `etag` and `cache-control: private, no-cache` where
 * the part set none; it compresses, and answers 304 and HEAD. Names of headers are in small letters.
 */
export interface Answer {
  readonly status: number;
  /** The header content-type. */
  readonly type: string;
  /** The same Buffer again is hashed and compressed once: whoever answers the same to many gives the same Buffer. */
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An answer without an end: it writes its own head, and ends when its asker goes away, which the signal of `Asked`
 * tells. Nothing is written to a response that `writableNeedDrain`: one whose reader takes nothing for a minute is
 * ended.
 */
export interface StreamedAnswer {
  readonly begin: (response: ServerResponse) => void;
}

export interface Asked {
  readonly method: 'GET' | 'HEAD';
  /**
   * Path and query; the host is of no meaning. The path has no empty segment and no encoded slash, and its encoding is
   * right: `decodeURIComponent` of a segment does not throw.
   */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the asker goes away, or nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
  /** By the login form: `POST /logout` ends it. */
  readonly signedIn?: boolean;
}

/** A part of what is served. `null`: the path is not one of its own. */
export type Site = (asked: Asked) => Promise<Answer | StreamedAnswer | null>;

/** Plain text, ended by a line break. */
export const text = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer => ({
  ...{ status, type: 'text/plain; charset=utf-8', body: `${body}\n` },
  headers,
});
