/** The simulated Bridge on the wire: gRPC over loopback or a network, with faults on demand. */
import { createServer } from 'node:net';
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { systemClock, type Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { bridgeService } from '../codec/bridge.ts';
import { timestamp, type Answer } from './answer.ts';
import { Bridge, BridgeRefusal, type Answering, type BridgeOptions } from './bridge.ts';
import { Faults, type Method } from './faults.ts';
import type { BucketTruth } from './traffic.ts';

/** PEM texts. With `clientCa`, a client must show a certificate of that authority (mTLS). */
interface ServerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly clientCa?: string | Buffer;
}

export interface ServingOptions {
  /** Of the faults; 1 by default. */
  readonly seed?: number;
  /** `127.0.0.1` by default. */
  readonly host?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Told one line per call: method, participant, gRPC status code. */
  readonly log?: (line: string) => void;
  readonly tls?: ServerTls;
}

export interface SimulatorOptions extends ServingOptions, Omit<BridgeOptions, 'clock'> {
  /** Real time by default. */
  readonly clock?: Clock;
}

/** A Bridge on the wire. */
export interface Served {
  /** `host:port`. */
  readonly address: string;
  readonly faults: Faults;
  /** Cuts open calls, frees the port. Safe to repeat. */
  close(): Promise<void>;
}

export interface Simulator extends Served {
  /** See {@link Bridge.buckets}. */
  buckets(participant: string): ReadonlyMap<string, BucketTruth>;
  /** See {@link Bridge.served}: calls answered with state, faults excluded. */
  served(participant: string): number;
  /** See {@link Bridge.live}. */
  live(participant: string): void;
}

type Call = ServerUnaryCall<{ readonly policy_name?: string }, object>;
type Respond = sendUnaryData<object>;

/** Serves until closed. @throws {Error} the address cannot be bound, or the certificate cannot be used. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const bridge = new Bridge({ ...options, clock: options.clock ?? systemClock });
  const served = await serveBridge(bridge, options);
  return {
    ...served,
    buckets: (participant) => bridge.buckets(participant),
    served: (participant) => bridge.served(participant),
    live: (participant) => bridge.live(participant),
  };
}

/** Serves until closed. @throws {Error} the address cannot be bound, or the certificate cannot be used. */
export async function serveBridge(bridge: Answering, options: ServingOptions = {}): Promise<Served> {
  const faults = new Faults(options.seed ?? 1);
  const open = new Set<NodeJS.Timeout>();
  const server = new Server();
  server.addService(bridgeService(), implementation(bridge, faults, open, options.log));

  const host = options.host ?? '127.0.0.1';
  const port = await bind(server, host, options.port ?? 0, options.tls);
  let closing: Promise<void> | null = null;
  return {
    address: `${host}:${port}`,
    faults,
    close: async () => {
      for (const timer of open) clearTimeout(timer);
      closing ??= shutDown(server);
      await closing;
    },
  };
}

function implementation(
  bridge: Answering,
  faults: Faults,
  open: Set<NodeJS.Timeout>,
  log: ((line: string) => void) | undefined,
): UntypedServiceImplementation {
  const serve = (method: Method, answer: (participant: string, call: Call) => Promise<Answer>) => {
    const respond = async (call: Call, reply: Respond): Promise<void> => {
      const participant = String(call.metadata.get('pi-requesting-participant')[0] ?? '');
      const send = (code: status, details: string, message: object | null): void => {
        log?.(`${method} ${participant} ${status[code]}`);
        if (message === null) reply({ code, details });
        else reply(null, message);
      };
      const effects = faults.draw(method, participant);
      if (effects.hung) return;
      const { code, details, message } = effects.failure
        ? { ...effects.failure, message: null }
        : await attempt(method, answer(participant, call), effects.garble);
      if (effects.delayMs === 0) {
        send(code, details, message);
        return;
      }
      const timer = setTimeout(() => {
        open.delete(timer);
        send(code, details, message);
      }, effects.delayMs);
      open.add(timer);
    };
    return (call: Call, reply: Respond): void => void respond(call, reply);
  };
  return {
    GetRateLimitPolicies: serve('GetRateLimitPolicies', async (participant) => await bridge.list(participant)),
    GetRateLimitPolicy: serve(
      'GetRateLimitPolicy',
      async (participant, call) => await bridge.read(participant, call.request.policy_name ?? ''),
    ),
  };
}

interface CallOutcome {
  readonly code: status;
  readonly details: string;
  readonly message: object | null;
}

async function attempt(
  method: Method,
  answer: Promise<Answer>,
  garble: ((answer: Answer) => Answer) | null,
): Promise<CallOutcome> {
  try {
    const made = await answer;
    return { code: status.OK, details: '', message: toWire(method, garble === null ? made : garble(made)) };
  } catch (error) {
    if (error instanceof BridgeRefusal) return { code: error.code, details: error.message, message: null };
    const details = messageOf(error);
    return { code: status.INTERNAL, details, message: null };
  }
}

function toWire(method: Method, { responseTime, category, policies }: Answer): object {
  const head = { response_time: responseTime === null ? null : timestamp(responseTime), category };
  return method === 'GetRateLimitPolicies' ? { ...head, policies } : { ...head, policy: policies[0] ?? null };
}

async function bind(server: Server, host: string, port: number, tls: ServerTls | undefined): Promise<number> {
  const credentials = tls === undefined ? ServerCredentials.createInsecure() : secure(tls);
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  await assertFree(host, port);
  return await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

/** gRPC logs by itself that it can't listen, and tells why in a text; the system, asked before, says so by code. */
async function assertFree(host: string, port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

function secure({ cert, key, clientCa }: ServerTls): ServerCredentials {
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  const authority = clientCa === undefined ? null : Buffer.from(clientCa);
  return ServerCredentials.createSsl(authority, [pair], authority !== null);
}

/** The graceful shutdown tells when the port is free; the forced one leaves it no call to wait for. */
async function shutDown(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  server.forceShutdown();
  await closed;
}
