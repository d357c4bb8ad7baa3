/** A server without a database, and requests whose answers are told as they came. */
import { request as requestPlain } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { request as requestTls } from 'node:https';
import { afterAll } from 'vitest';
import { Metrics } from '../../src/serve/metrics.ts';
import { serve } from '../../src/serve/server.ts';
import type { RunningServer, ServeOptions } from '../../src/serve/server.ts';
import { openDatabase } from '../../src/store/database.ts';

/** Never asked: what these tests serve needs no database. */
const database = openDatabase({ url: 'postgresql://balde@127.0.0.1:1/balde' });
const common = { now: () => 0, staleAfterMs: 1_000, database };
const metrics = new Metrics({ sql: database, ...common });

const closing: RunningServer[] = [];
afterAll(async () => {
  await Promise.all(closing.map(async (server) => await server.close()));
  await database.close();
});

export async function serving(options: Partial<ServeOptions>): Promise<RunningServer> {
  const server = await serve({ host: '127.0.0.1', port: 0, metrics, ...common, ...options });
  closing.push(server);
  return server;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came, not unpacked. */
  readonly body: Buffer;
  readonly text: string;
}

interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Each on a connection of its own. The path goes out as it is. */
export const asker =
  ({ url }: RunningServer) =>
  async (path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answered> => {
    const { protocol, port } = new URL(url);
    const [request, tls] = protocol === 'https:' ? [requestTls, { rejectUnauthorized: false }] : [requestPlain, {}];
    return await new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, headers, method, agent: false, ...tls };
      const asked = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(parts);
          const { statusCode: status = 0, headers: heads } = response;
          resolve({ status, headers: heads, body: whole, text: whole.toString() });
        });
      });
      asked.on('error', reject).end(body);
    });
  };
