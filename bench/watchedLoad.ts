/**
 * The other processes of bench/watched.ts: `load` opens streams and asks, `dummy` answers as Balde would, of bytes that
 * it is given, and does nothing else. Both are told what to do by messages.
 */
import { createServer, get } from 'node:http';
import type { ClientRequest, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Load {
  readonly url: string;
  readonly streams: number;
  /** Requests a second. */
  readonly rate: number;
  readonly paths: readonly string[];
}

export interface Carried {
  readonly streams: number;
  readonly streamedBytes: number;
  readonly answers: number;
  /** Answers of another status than 200, and requests that failed. */
  readonly failed: number;
}

export interface Dummy {
  readonly bodies: Readonly<Record<string, string>>;
  /** An event of the stream. */
  readonly event: string;
  readonly everyMs: number;
}

const STREAM = '/api/v1/stream';
/** New streams a second. */
const OPENED_EVERY_MS = 2;

function startLoad({ url, streams, rate, paths }: Load): () => Carried {
  const open = new Set<ClientRequest>();
  const carried = { streamedBytes: 0, answers: 0, failed: 0 };
  const opening = setInterval(() => {
    if (open.size >= streams) return;
    const request = get(`${url}${STREAM}`, { agent: false }, (response) => {
      if (response.statusCode !== 200) carried.failed += 1;
      response.on('data', (chunk: Buffer) => (carried.streamedBytes += chunk.length));
      response.once('close', () => open.delete(request));
    });
    request.on('error', () => open.delete(request));
    open.add(request);
  }, OPENED_EVERY_MS);
  let asked = 0;
  const asking = setInterval(() => {
    const path = paths[asked++ % paths.length] ?? '/';
    get(`${url}${path}`, (response) => {
      if (response.statusCode === 200) carried.answers += 1;
      else carried.failed += 1;
      response.resume();
    }).on('error', () => (carried.failed += 1));
  }, 1_000 / rate);
  return () => {
    clearInterval(opening);
    clearInterval(asking);
    const result = { streams: open.size, ...carried };
    for (const request of open) request.destroy();
    return result;
  };
}

async function startDummy({ bodies, event, everyMs }: Dummy): Promise<string> {
  const readers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const { url = '/' } = request;
    if (url !== STREAM) {
      response.end(bodies[url] ?? '');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event);
    readers.add(response);
    response.once('close', () => readers.delete(response));
  });
  setInterval(() => {
    for (const reader of readers) if (!reader.writableNeedDrain) reader.write(event);
  }, everyMs);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export type Order = { readonly load: Load } | { readonly dummy: Dummy } | 'end';

let end: (() => Carried) | null = null;
process.on('message', (order: Order) => {
  if (order === 'end') process.send?.(end?.());
  else if ('load' in order) end = startLoad(order.load);
  else void startDummy(order.dummy).then((url) => process.send?.(url));
});
process.once('disconnect', () => process.exit());
