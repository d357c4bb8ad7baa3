/** A bare gRPC client of the Bridge, to see exactly what is on the wire. */
import { Client, credentials, Metadata, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { bridgeService } from '../../src/codec/bridge.ts';
import type { WirePolicy, WireTimestamp } from '../../src/simulator/answer.ts';

export interface ListReply {
  readonly response_time: WireTimestamp | null;
  readonly category: string;
  readonly policies: readonly (WirePolicy & { readonly policy_category: string })[];
}

interface ReadReply {
  readonly response_time: WireTimestamp | null;
  readonly category: string;
  readonly policy: WirePolicy | null;
}

export interface BridgeCaller {
  list(participant?: string, deadlineMs?: number): Promise<ListReply>;
  read(policy: string, participant?: string): Promise<ReadReply>;
  close(): void;
}

const service = bridgeService();

/** `participant` `''` sends no metadata at all. Rejects with grpc-js' ServiceError. */
export function callBridge(address: string, secure?: ChannelCredentials): BridgeCaller {
  // A channel of its own: a shared one would still be backing off from a server that was closed before this one opened.
  const client = new Client(address, secure ?? credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    ...(secure === undefined ? {} : { 'grpc.ssl_target_name_override': 'localhost' }),
  });
  const call = async <R>(name: string, request: object, participant: string, deadlineMs: number) => {
    const method = service[name];
    if (method === undefined) throw new Error(`no method ${name}`);
    const metadata = new Metadata();
    if (participant !== '') metadata.set('pi-requesting-participant', participant);
    return new Promise<R>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + deadlineMs },
        (error: ServiceError | null, reply?: object) => {
          if (error === null) resolve(reply as R);
          else reject(error);
        },
      );
    });
  };
  return {
    list: async (participant = '12345678', deadlineMs = 10_000) =>
      call<ListReply>('GetRateLimitPolicies', {}, participant, deadlineMs),
    read: async (policy, participant = '12345678') =>
      call<ReadReply>('GetRateLimitPolicy', { policy_name: policy }, participant, 10_000),
    close: () => client.close(),
  };
}

export const timeOf = ({ seconds, nanos }: WireTimestamp): number => seconds * 1000 + nanos / 1e6;
