/** HTTP: what machines ask for, and the sites that are served beside it, for those who may look. */
import { readFile } from 'node:fs/promises';
import { isLoopback } from '../loopback.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Access } from './access.ts';
import type { Answer, Site } from './answer.ts';
import { Credentials } from './credentials.ts';
import { guard } from './guard.ts';
import { Hosts } from './hosts.ts';
import { Intake } from './intake.ts';
import type { IntakeOptions } from './intake.ts';
import { createServer, listen } from './listen.ts';
import type { ListenOptions } from './listen.ts';
import { MACHINE_PATHS, machineSite } from './machines.ts';
import type { MachineOptions } from './machines.ts';
import { pack } from './packing.ts';
import { renew } from './renewed.ts';
import { answerTo } from './router.ts';
import type { Router } from './router.ts';
import { securityHeaders } from './securityHeaders.ts';
import { Streams } from './streams.ts';

/** A secret, or the file that holds it. */
type Secret = { readonly value: string } | { readonly file: string };

export interface ServeOptions extends MachineOptions, ListenOptions {
  /** Asked in this order for what the server does not know itself. */
  readonly sites?: readonly Site[];
  /** What to prove oneself with; without it everybody may look. A file is read anew when it changes. */
  readonly token?: Secret | null;
  /** What is taken in, and the token of who may send it; without one nobody may. */
  readonly intake?: IntakeOptions & { readonly token: Secret | null };
  /** Whether /metrics asks for the token, too. */
  readonly metricsAuth?: boolean;
  /** `name` or `name:port`, in small letters, beside addresses, localhost and the machine's own name. */
  readonly allowedHosts?: readonly string[];
  /** Told of an answer that failed for another reason than an outage, of which its asker is told. */
  readonly onFailed?: (error: unknown, path: string) => void;
}

export interface RunningServer {
  /** `http://host:port` or `https://host:port` */
  readonly url: string;
  /** Streams are ended, too. */
  close(): Promise<void>;
}

/**
 * @throws {Error} with code EADDRINUSE and the like: the port is taken, the host is none of this machine's; token or
 *   certificate can't be read
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { sites = [], allowedHosts = [], metricsAuth = false, onFailed = () => undefined } = options;
  const { intake } = options;
  const { credentials, ended: tokenEnded } = await credentialsOf(options.token, options);
  const { credentials: writer, ended: writerEnded } = await credentialsOf(intake?.token, options);
  const { server, ended: tlsEnded } = await createServer(options);
  const known = [...(sites.length === 0 ? [] : ['/']), ...MACHINE_PATHS];
  const router: Router = {
    sites: [machineSite(options), ...sites],
    hosts: new Hosts({ allowed: allowedHosts, isLoopback: isLoopback(options.host) }),
    access: new Access({ credentials, writer, metricsAuth, now: options.now }),
    streams: new Streams(guard(server), options.renewMs),
    intake: intake === undefined ? null : new Intake(intake),
    hint: `try ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`,
    onFailed,
  };
  server.on('request', (request, response) => void respond(router, request, response));
  const end = (): void => [() => router.streams.end(), tokenEnded, writerEnded, tlsEnded].forEach((ended) => ended());
  const url = await listen(server, options).catch((error: unknown) => {
    end();
    throw error;
  });
  return {
    url,
    close: async () => {
      end();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function credentialsOf(token: Secret | null | undefined, { onStale = () => undefined, renewMs }: ServeOptions) {
  const ended = (): void => undefined;
  if (token === null || token === undefined) return { credentials: null, ended };
  if ('value' in token) return { credentials: new Credentials(token.value), ended };
  const first = await readFile(token.file);
  const credentials = new Credentials(tokenIn(first));
  const replace = ([content = first]: readonly Buffer[]): void => credentials.replace(tokenIn(content));
  const every = renewMs === undefined ? {} : { everyMs: renewMs };
  return { credentials, ended: renew({ files: [token.file], replace, onStale, ...every }, [first]) };
}

/** @throws {Error} a file that is being written is empty for a moment: that is nobody's token */
function tokenIn(content: Buffer): string {
  const token = content.toString('utf8').trim();
  if (token === '') throw new Error('the file of the token is empty');
  return token;
}

async function respond(router: Router, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const answer = await answerTo(router, request, response);
    if (answer !== null) await send(answer, request, response);
  } catch {
    // A connection that can't be answered is closed; nobody else hears of it.
    response.destroy();
  }
}

async function send(answer: Answer, { method, headers: asking }: IncomingMessage, response: ServerResponse) {
  const { status, headers, body } = await pack(answer, asking);
  const length = status === 304 ? {} : { 'content-length': body.length };
  response.writeHead(status, { ...securityHeaders(answer.type), ...headers, ...length });
  response.end(method === 'HEAD' ? undefined : body);
}
