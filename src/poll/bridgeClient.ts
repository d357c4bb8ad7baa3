/** gRPC client of the Bridge for one participant. */
import { Metadata } from '@grpc/grpc-js';
import type { ChannelOptions, Client, MethodDefinition, ServiceError } from '@grpc/grpc-js';
import { answerFromOne, answerFromWire, bridgeService, listMethod, readMethod } from '../codec/bridge.ts';
import type { PoliciesAnswer } from '../domain/validation.ts';
import { injectInto, SpanKind, traced } from '../tracing.ts';
import { BridgeError, bridgeErrorOf } from './bridgeError.ts';
import { proxyOptions } from './proxy.ts';
import { RenewingClient } from './renewingClient.ts';
import type { BridgeTls } from './renewingClient.ts';

export type { BridgeTls } from './renewingClient.ts';

export interface BridgeOptions {
  /** `host:port`, or any target that gRPC's name resolution knows. */
  readonly address: string;
  /** ISPB of the participant whose buckets are asked for. */
  readonly participant: string;
  /** `null` is plaintext: for a Bridge on the same machine or behind a mesh that encrypts. */
  readonly tls: BridgeTls | null;
  /** Reads what `tls` was read from again, before each call. Not given: `tls` is for good. */
  readonly readTls?: () => BridgeTls;
}

export interface BridgeCall {
  /** 32 hexadecimal digits. */
  readonly correlationId: string;
  /** Milliseconds from now until the call counts as failed. Real time, whatever clock the caller lives by. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export interface BridgeClient {
  /**
   * State of every policy of the participant. One attempt: the caller decides on retries. Calls may run in parallel.
   * @throws {BridgeError} the call ended with a gRPC status other than OK; connecting counts as part of the call.
   * @throws the signal's reason, as soon as it aborts.
   */
  listPolicies(call: BridgeCall): Promise<PoliciesAnswer>;
  /** State of one policy, as an answer that lists nothing else. Fails as {@link listPolicies}, or NOT_FOUND. */
  readPolicy(policy: string, call: BridgeCall): Promise<PoliciesAnswer>;
  /** Ends the connection; a call under way fails. Safe to call twice. */
  close(): void;
}

const CHANNEL: ChannelOptions = {
  /** 10,000 policies with names of the longest size accepted come to some 8 MiB; gRPC's default is 4 MiB. */
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  /**
   * A half-open connection is found out within a call's deadline of 30 s, so that the retry gets a new one. Pings run
   * only during calls and at most twice in one: servers hang up on clients that ping more, or while idle.
   */
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 0,
  /** Default 2 minutes: longer than all retries of a poll, which would fail without one new attempt to connect. */
  'grpc.max_reconnect_backoff_ms': 5_000,
};

/**
 * Opens nothing yet: the first call connects.
 * @throws {Error} a PEM file can't be parsed, or the proto file is missing.
 */
export function createBridgeClient(options: BridgeOptions): BridgeClient {
  const service = bridgeService();
  const methods = { list: listMethod(service), read: readMethod(service) };
  const renewing = new RenewingClient({ ...options, channel: { ...CHANNEL, ...proxyOptions() } });
  /** What keeps new files from being used may well be why the old ones are refused. */
  const failed = ({ code, details }: Pick<ServiceError, 'code' | 'details'>): BridgeError => {
    const { problem } = renewing;
    return bridgeErrorOf({ code, details: problem === null ? details : `${details} (${problem})` });
  };
  const once = async <Q, A>(method: MethodDefinition<Q, A>, request: Q, call: BridgeCall, client: Client): Promise<A> =>
    new Promise((resolve, reject) => {
      call.signal.throwIfAborted();
      const running = client.makeUnaryRequest<Q, A>(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(options.participant, call.correlationId),
        { deadline: Date.now() + call.deadlineMs },
        (error: ServiceError | null, answer?: A) => {
          call.signal.removeEventListener('abort', cancel);
          if (call.signal.aborted) reject(call.signal.reason as Error);
          else if (error !== null) reject(failed(error));
          else if (answer === undefined) reject(bridgeErrorOf({ code: -1, details: 'an OK without a message' }));
          else resolve(answer);
        },
      );
      const cancel = (): void => running.cancel();
      call.signal.addEventListener('abort', cancel, { once: true });
    });
  const ask = async <Q, A>(method: MethodDefinition<Q, A>, request: Q, call: BridgeCall): Promise<A> =>
    tracedCall(method, options, async () =>
      renewing.using(async (client) => await once(method, request, call, client)),
    );
  return {
    listPolicies: async (call) => answerFromWire(await ask(methods.list, {}, call)),
    readPolicy: async (policy, call) => answerFromOne(await ask(methods.read, { policy_name: policy }, call)),
    close: () => renewing.close(),
  };
}

/** One attempt is one span. */
async function tracedCall<T>({ path }: { readonly path: string }, { address }: BridgeOptions, work: () => Promise<T>) {
  const method = path.slice(1);
  const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': method, ...serverOf(address) };
  return await traced(method, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    const status = (code: string): unknown => span.setAttribute('rpc.response.status_code', code);
    try {
      const answer = await work();
      status('OK');
      return answer;
    } catch (error) {
      if (error instanceof BridgeError) status(error.code);
      throw error;
    }
  });
}

/** An address that gRPC resolves in its own way is shown as it is. */
function serverOf(address: string): Record<string, string | number> {
  const [, host, port] = /^([^/]+):(\d+)$/.exec(address) ?? [];
  return host === undefined ? { 'server.address': address } : { 'server.address': host, 'server.port': Number(port) };
}

function metadataOf(participant: string, correlationId: string): Metadata {
  const metadata = new Metadata();
  metadata.set('pi-requesting-participant', participant);
  metadata.set('correlation-id', correlationId);
  injectInto(metadata, { set: (into, name, value) => into.set(name, value) });
  return metadata;
}
