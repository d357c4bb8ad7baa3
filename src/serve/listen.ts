/** The socket: plain, or with a certificate that is read anew when its files change. */
import { readFile } from 'node:fs/promises';
import { createServer as createPlainServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { HTTP_LIMITS } from './guard.ts';
import { renew } from './renewed.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** PEM; plain HTTP without it. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | null;
  /** Told why files that changed are not used. */
  readonly onStale?: (error: unknown) => void;
  /** How often files are looked at. Milliseconds. */
  readonly renewMs?: number;
}

export interface Listening {
  readonly server: Server;
  /** Ends what was begun beside it. */
  readonly ended: () => void;
}

/** A client that does not finish its handshake by then is none. Milliseconds. */
const HANDSHAKE_MS = 5_000;

/** A server that does not listen yet. @throws {Error} the certificate can't be read, or is none */
export async function createServer({ tls, renewMs, onStale = () => undefined }: ListenOptions): Promise<Listening> {
  if (tls === null || tls === undefined) return { server: createPlainServer(HTTP_LIMITS), ended: () => undefined };
  const files = [tls.certFile, tls.keyFile];
  const contents = await Promise.all(files.map(async (file) => await readFile(file)));
  const pairOf = ([cert, key]: readonly Buffer[]) => ({ cert, key, minVersion: 'TLSv1.2' as const });
  const server = createTlsServer({ ...HTTP_LIMITS, ...pairOf(contents), handshakeTimeout: HANDSHAKE_MS });
  // What speaks no TLS is closed, and nobody else hears of it.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const ended = renew(
    {
      ...{ files, onStale, replace: (renewed) => server.setSecureContext(pairOf(renewed)) },
      ...(renewMs === undefined ? {} : { everyMs: renewMs }),
    },
    contents,
  );
  return { server, ended };
}

/** @returns the address, `http://host:port` or `https://host:port` @throws {Error} with code EADDRINUSE and the like */
export async function listen(server: Server, { host, port, tls }: ListenOptions): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    // It stays: an error without a listener would end the process.
    server.on('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${taken}`;
}
