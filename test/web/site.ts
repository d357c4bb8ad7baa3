/** The pages over an API that answers from fixtures. */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Site } from '../../src/serve/answer.ts';
import { securityHeaders } from '../../src/serve/securityHeaders.ts';

export interface ServedSite {
  /** `http://localhost:…` */
  readonly url: string;
  close(): Promise<void>;
}

/** Asked in turn. */
export async function serveSites(...sites: readonly Site[]): Promise<ServedSite> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    void answer(sites, url, request.headers, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  sites: readonly Site[],
  url: URL,
  headers: Parameters<Site>[0]['headers'],
  response: ServerResponse,
): Promise<void> {
  for (const site of sites) {
    const given = await site({ method: 'GET', url, headers, signal: new AbortController().signal });
    if (given === null) continue;
    if ('begin' in given) given.begin(response);
    else {
      response.writeHead(given.status, {
        'content-type': given.type,
        ...securityHeaders(given.type),
        ...given.headers,
      });
      response.end(given.body);
    }
    return;
  }
  response.writeHead(404).end();
}
