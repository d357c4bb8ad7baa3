/**
 * A TCP proxy that can go silently dead: connections stay open and accept bytes, and nothing comes back, as behind a
 * firewall that dropped its state. A killed one refuses and cuts everything, as a machine that is gone.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface DeadProxy {
  /** `url` with host and port replaced by the proxy's. */
  through(url: string): string;
  /** From now on nothing goes through connections that are open; new ones work. */
  silence(): void;
  /** From now on nothing goes through any connection. */
  silenceAll(): void;
  /** New connections work again. */
  revive(): void;
  /** Cuts every connection and accepts no more. */
  kill(): Promise<void>;
}

export async function deadProxy(target: string): Promise<DeadProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const silenced = new Set<Socket>();
  let mute = false;

  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (bytes) => {
      if (!silenced.has(from)) to.write(bytes);
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!silenced.has(from)) to.destroy();
    });
    from.on('error', () => undefined);
    sockets.add(from);
    if (mute) silenced.add(from);
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    pass(client, upstream);
    pass(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;

  const silence = (): void => {
    for (const socket of sockets) silenced.add(socket);
  };
  return {
    through: (url) => {
      const proxied = new URL(url);
      proxied.host = `127.0.0.1:${own}`;
      return proxied.href;
    },
    silence,
    silenceAll: () => {
      mute = true;
      silence();
    },
    revive: () => {
      mute = false;
    },
    kill: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
