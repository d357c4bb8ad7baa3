/** Keeps the HTTP server usable whatever its clients do: half-open requests, slow readers, too many of either. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests have few headers and hardly a body: whoever needs longer, or more, is neither scraper nor browser. */
export const HTTP_LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  /** Longer than the usual interval of a probe would only keep sockets of those who are gone. */
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  keepAlive: true,
} as const satisfies ServerOptions;

export interface GuardLimits {
  /** Without those of streams. */
  readonly connections: number;
  readonly requestsPerConnection: number;
  /** An answer that its asker does not read is given up then. Milliseconds. */
  readonly answerMs: number;
  /** Answers without an end at once. */
  readonly streams: number;
  /** A stream on whose connection nothing moves is ended then. Milliseconds. */
  readonly streamSilenceMs: number;
}

/** Left to everything else that needs descriptors: the database, the broker, Bridges, files. */
const OTHER_DESCRIPTORS = 300;

/** Well below the 1,024 descriptors that many a process has for everything; well above what watches one process. */
const CONNECTIONS = 400;

const limitsOfProcess = (): GuardLimits => ({
  ...{ connections: CONNECTIONS, requestsPerConnection: 1_000, answerMs: 15_000, streamSilenceMs: 60_000 },
  streams: Math.min(2_000, Math.max(50, descriptors() - OTHER_DESCRIPTORS - CONNECTIONS)),
});

/** What this process may have: Node raises the soft limit to the hard one. Elsewhere than on Linux it is many. */
function descriptors(): number {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return hard === undefined ? Infinity : Number(hard);
  } catch {
    return Infinity;
  }
}

export interface Guard {
  /**
   * From now on this answer has no end: neither the limit of time nor that of connections is for it.
   * @returns false: there are as many as can be
   */
  stream(response: ServerResponse): boolean;
}

/**
 * Bounds connections and answers. When there are too many connections, the oldest one that asks for nothing makes room:
 * refusing the new ones would let whoever opened the old ones keep every scraper out.
 */
export function guard(server: Server, limits: Partial<GuardLimits> = {}): Guard {
  const bounds = { ...limitsOfProcess(), ...limits };
  /** By whom they lead to: under TLS a request tells of another object than its connection did. */
  const idle = new Map<string, Socket>();
  const slow = new WeakMap<ServerResponse, NodeJS.Timeout>();
  const count = { open: 0, streams: 0 };
  server.maxRequestsPerSocket = bounds.requestsPerConnection;
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    count.open += 1;
    idle.set(name, socket);
    socket.once('close', () => {
      count.open -= 1;
      if (idle.get(name) === socket) idle.delete(name);
    });
    // What breaks one connection is nobody else's business.
    socket.on('error', () => undefined);
    if (count.open - count.streams > bounds.connections) evict(idle);
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const name = nameOf(socket);
    const own = idle.get(name);
    idle.delete(name);
    const timer = setTimeout(() => socket.destroy(), bounds.answerMs);
    slow.set(response, timer);
    response.once('close', () => {
      clearTimeout(timer);
      if (own !== undefined && !socket.destroyed && !own.destroyed) idle.set(name, own);
    });
  });
  return {
    stream: (response) => {
      if (count.streams >= bounds.streams) return false;
      count.streams += 1;
      response.once('close', () => (count.streams -= 1));
      clearTimeout(slow.get(response));
      response.setTimeout(bounds.streamSilenceMs);
      return true;
    },
  };
}

const nameOf = ({ remoteAddress, remotePort, localAddress }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`;

/** The oldest of those that ask for nothing; the newest itself if all the others are being answered. */
function evict(idle: Map<string, Socket>): void {
  const [oldest] = idle;
  if (oldest === undefined) return;
  const [name, socket] = oldest;
  idle.delete(name);
  socket.destroy();
}
