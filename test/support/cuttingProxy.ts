/** A TCP proxy that cuts all connections once, when clients have sent so many packets through it. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface CuttingProxy {
  readonly url: string;
  /** Whether it has cut yet. */
  readonly hasCut: boolean;
  close(): Promise<void>;
}

/** @param own the port that it listens on; 0 takes any free one */
export async function cuttingProxy(target: string, packets: number, own = 0): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let sent = 0;
  let hasCut = false;
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    join(client, upstream);
    join(upstream, client);
    upstream.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      sent += 1;
      if (hasCut || sent < packets) upstream.write(bytes);
      else {
        hasCut = true;
        for (const socket of sockets) socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(own, '127.0.0.1', resolve));
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    get hasCut() {
      return hasCut;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
