/** A server of Postgres' protocol that refuses: each connection, or from some time on each statement. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface RefusingServer {
  readonly url: string;
  /** How often it refused. */
  readonly refusals: number;
  close(): Promise<void>;
}

const SSL_REQUEST = 80_877_103;

/** @param code SQLSTATE that every connection is refused with */
export async function refusingServer(code: string, text = 'whatever the text says'): Promise<RefusingServer> {
  let refusals = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      if (chunk.length === 8 && chunk.readInt32BE(4) === SSL_REQUEST) {
        socket.write('N');
        return;
      }
      refusals += 1;
      const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`);
      const head = Buffer.from('E\0\0\0\0');
      head.writeInt32BE(body.length + 4, 1);
      socket.end(Buffer.concat([head, body]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgresql://balde:secret@127.0.0.1:${port}/balde`,
    get refusals() {
      return refusals;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
