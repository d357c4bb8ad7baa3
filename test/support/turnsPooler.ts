/**
 * A pooler that gives a session of the server to whoever has a transaction to run, as PgBouncer does with pool_mode =
 * transaction: what a connection was told before may be unknown to the session it gets next.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import pg from 'pg';

export interface TurnsPooler {
  readonly url: string;
  close(): Promise<void>;
}

interface Backend {
  readonly socket: Duplex;
  client: Socket | null;
}

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
/** Authentication ok, a process number of the pooler's own, ready for a query. */
const WELCOME = Buffer.concat([
  message('R', number(0)),
  message('K', Buffer.concat([number(1), number(2)])),
  message('Z', Buffer.from('I')),
]);

/** @returns a function that takes bytes and gives the whole messages in them, with a type before their length */
function framing(): (chunk: Buffer) => readonly Buffer[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const whole: Buffer[] = [];
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const size = rest.readInt32BE(1) + 1;
      whole.push(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    return whole;
  };
}

export async function turnsPooler(target: string): Promise<TurnsPooler> {
  const idle: Backend[] = [];
  const all: pg.Client[] = [];
  const clients = new Set<Socket>();

  const openBackend = async (): Promise<Backend> => {
    const client = new pg.Client(target);
    client.on('error', () => undefined);
    await client.connect();
    all.push(client);
    const socket = client.connection.stream;
    socket.removeAllListeners('data');
    const backend: Backend = { socket, client: null };
    const frames = framing();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of frames(chunk)) {
        backend.client?.write(frame);
        if (frame.toString('latin1', 0, 1) !== 'Z' || frame.toString('latin1', 5, 6) !== 'I') continue;
        backend.client = null;
        idle.push(backend);
      }
    });
    return backend;
  };

  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => clients.delete(socket));
    const frames = framing();
    let own: Backend | null = null;
    let turn = Promise.resolve();
    const pass = async (frame: Buffer): Promise<void> => {
      if (frame.toString('latin1', 0, 1) === 'X') socket.end();
      else {
        if (own?.client !== socket) {
          own = idle.pop() ?? (await openBackend());
          own.client = socket;
        }
        own.socket.write(frame);
      }
    };
    socket.once('data', () => {
      socket.write(WELCOME);
      socket.on('data', (chunk: Buffer) => {
        for (const frame of frames(chunk)) turn = turn.then(async () => await pass(frame));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    close: async () => {
      for (const client of clients) client.destroy();
      for (const client of all) client.connection.stream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
