/** Ports on 127.0.0.1: free ones, and whether a wanted one is. */
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { BrokerError } from './errors.ts';

/** Takes every wanted port (0 = any) at once, then lets all go. @throws {BrokerError} when one is taken */
export async function choosePorts<Name extends string>(
  wanted: Readonly<Record<Name, number>>,
): Promise<Record<Name, number>> {
  const held: Server[] = [];
  try {
    const chosen: Partial<Record<Name, number>> = {};
    for (const name of Object.keys(wanted) as Name[]) {
      const server = await listen(wanted[name], name);
      held.push(server);
      chosen[name] = (server.address() as AddressInfo).port;
    }
    return chosen as Record<Name, number>;
  } finally {
    await Promise.all(held.map(async (server) => new Promise((resolve) => server.close(resolve))));
  }
}

async function listen(port: number, name: string): Promise<Server> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const refused = cause.code === 'EACCES' ? 'is not for this user to open' : 'is taken';
      reject(
        new BrokerError(
          'port-taken',
          `Port ${port} of 127.0.0.1, wanted for ${name}, ${refused}. Stop what uses it, or choose another port ` +
            '(0 for any free one).',
          { cause },
        ),
      );
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
