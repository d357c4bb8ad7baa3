/** What the HTTP server and its parts say to each other. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

export interface Answer {
  readonly status: number;
  /** The header content-type. */
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer without an end: it writes its own head, and ends when its asker goes away. */
export interface StreamedAnswer {
  readonly begin: (response: ServerResponse) => void;
}

export interface Asked {
  readonly method: 'GET' | 'HEAD';
  /** Path and query; the host is of no meaning. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the asker goes away. */
  readonly signal: AbortSignal;
}

/** A part of what is served. `null`: the path is not one of its own. */
export type Site = (asked: Asked) => Promise<Answer | StreamedAnswer | null>;
