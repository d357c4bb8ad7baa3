/** Keeps the HTTP server usable whatever its clients do: half-open requests, slow readers, too many of either. */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests have no body and few headers: whoever needs longer, or more, is no scraper. */
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
  readonly connections: number;
  readonly requestsPerConnection: number;
  /** An answer that its asker does not read is given up then. Milliseconds. */
  readonly answerMs: number;
}

/** Well below the 1,024 descriptors that many a process has for everything; well above what watches one process. */
const LIMITS: GuardLimits = { connections: 400, requestsPerConnection: 1_000, answerMs: 15_000 };

/**
 * Bounds connections and answers. When there are too many connections, the oldest one that asks for nothing makes room:
 * refusing the new ones would let whoever opened the old ones keep every scraper out.
 */
export function guard(server: Server, limits: GuardLimits = LIMITS): void {
  const idle = new Set<Socket>();
  let open = 0;
  server.maxRequestsPerSocket = limits.requestsPerConnection;
  server.on('connection', (socket: Socket) => {
    open += 1;
    idle.add(socket);
    socket.once('close', () => {
      open -= 1;
      idle.delete(socket);
    });
    // What breaks one connection is nobody else's business.
    socket.on('error', () => undefined);
    if (open > limits.connections) evict(idle);
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    idle.delete(socket);
    const slow = setTimeout(() => socket.destroy(), limits.answerMs);
    response.once('close', () => {
      clearTimeout(slow);
      if (!socket.destroyed) idle.add(socket);
    });
  });
}

/** The oldest of those that ask for nothing; the newest itself if all the others are being answered. */
function evict(idle: Set<Socket>): void {
  const [oldest] = idle;
  if (oldest === undefined) return;
  idle.delete(oldest);
  oldest.destroy();
}
