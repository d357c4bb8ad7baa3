/** A Bridge on a real socket that answers what a test tells it to. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Metadata, handleUnaryCall, status } from '@grpc/grpc-js';
import { answerToWire, bridgeService } from '../../src/codec/bridge.ts';
import type { WirePolicies } from '../../src/codec/bridge.ts';
import type { PoliciesAnswer } from '../../src/domain/validation.ts';

/** An answer, one that is made when it is asked for, a gRPC status, or silence until the caller gives up. */
export type Reply =
  | PoliciesAnswer
  | (() => PoliciesAnswer)
  | { readonly code: status; readonly details: string }
  | 'silence';

export interface FakeBridge {
  readonly address: string;
  /** Metadata of each call, in order. */
  readonly calls: Metadata[];
  reply: Reply;
  close(): void;
}

export async function startFakeBridge(
  reply: Reply,
  credentials = ServerCredentials.createInsecure(),
  address = '127.0.0.1:0',
): Promise<FakeBridge> {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const list: handleUnaryCall<object, WirePolicies> = (call, callback) => {
    bridge.calls.push(call.metadata);
    const next = typeof bridge.reply === 'function' ? bridge.reply() : bridge.reply;
    if (next === 'silence') return;
    if ('code' in next) callback({ code: next.code, details: next.details });
    else callback(null, answerToWire(next));
  };
  server.addService(bridgeService(), { GetRateLimitPolicies: list });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const bridge: FakeBridge = {
    address: `127.0.0.1:${port}`,
    calls: [],
    reply,
    close: () => server.forceShutdown(),
  };
  return bridge;
}
