/**
 * The first exchange of Pulsar's protocol, on a connection of our own: `Connect`, and what the broker says to it.
 * Frames and fields as in PulsarApi.proto: size of the frame and of the command (4 bytes each), then `BaseCommand`.
 */
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { codeOf } from '../../systemErrors.ts';
import { bytesField, fieldsIn, numberField } from './protobuf.ts';

export interface Greeting {
  readonly host: string;
  readonly port: number;
  /** `null`: in plaintext. */
  readonly tls: ConnectionOptions | null;
  readonly method: string;
  readonly data: string;
}

/**
 * - `welcome`: the broker takes the connection.
 * - `refused`: it says why not.
 * - `closed`: it broke off without a word, `encrypted` after a TLS handshake.
 * - `foreign`: what came is not Pulsar's protocol.
 * - `failed`: with a code of the operating system or of OpenSSL.
 */
export type GreetingReply =
  | { readonly kind: 'welcome' | 'foreign' | 'silent' }
  | { readonly kind: 'refused'; readonly error: number; readonly reason: string }
  | { readonly kind: 'closed'; readonly encrypted: boolean }
  | { readonly kind: 'failed'; readonly code: string };

/** Of `ServerError`. */
export const AUTHENTICATION_ERROR = 3;

const REPLY_WAIT_MS = 5_000;
const PROTOCOL_VERSION = 19;
const [CONNECT, ERROR] = [2, 14];
/** The first answer is short; whatever is longer is another protocol. Bytes. */
const MAX_FRAME_BYTES = 100_000;

/** Never rejects. Ends within {@link REPLY_WAIT_MS}. */
export async function greet(greeting: Greeting): Promise<GreetingReply> {
  return await new Promise((resolve) => {
    const { host, port, tls } = greeting;
    let socket: Socket;
    try {
      socket = tls === null ? connectTcp({ host, port }) : connectTls({ ...tls, host, port });
    } catch (error) {
      resolve({ kind: 'failed', code: failure(error) });
      return;
    }
    const settle = (reply: GreetingReply): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(() => settle({ kind: 'silent' }), REPLY_WAIT_MS);
    let [open, received] = [false, Buffer.alloc(0)];
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      open = true;
      socket.write(connectFrame(greeting));
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const reply = replyOf(received);
      if (reply !== null) settle(reply);
    });
    socket.once('error', (error) => {
      const code = failure(error);
      const isSaid = !open || code.includes('ALERT');
      settle(isSaid ? { kind: 'failed', code } : { kind: 'closed', encrypted: tls !== null });
    });
    socket.once('close', () => settle({ kind: 'closed', encrypted: open && tls !== null }));
  });
}

const failure = (error: unknown): string => codeOf(error) ?? String(error);

function connectFrame({ method, data }: Greeting): Buffer {
  const connect = Buffer.concat([
    bytesField(1, 'balde'),
    bytesField(3, data),
    numberField(4, PROTOCOL_VERSION),
    bytesField(5, method),
  ]);
  const command = Buffer.concat([numberField(1, CONNECT), bytesField(CONNECT, connect)]);
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32BE(command.length + 4, 0);
  sizes.writeUInt32BE(command.length, 4);
  return Buffer.concat([sizes, command]);
}

/** `null` until the whole frame is there. */
function replyOf(received: Buffer): GreetingReply | null {
  if (received.length < 4) return null;
  const size = received.readUInt32BE(0);
  if (size > MAX_FRAME_BYTES) return { kind: 'foreign' };
  if (received.length < size + 4) return null;
  const command = fieldsOf(received.subarray(8, size + 4));
  const error = command?.get(ERROR);
  // `Connected`, or a command that goes on with the authentication.
  if (error === undefined) return { kind: typeof command?.get(1) === 'number' ? 'welcome' : 'foreign' };
  const fields = Buffer.isBuffer(error) ? fieldsOf(error) : null;
  const [code, reason] = [fields?.get(2), fields?.get(3)];
  if (typeof code !== 'number' || reason === undefined) return { kind: 'foreign' };
  return { kind: 'refused', error: code, reason: String(reason) };
}

/** `null`: what came is no such message. */
function fieldsOf(message: Buffer): ReadonlyMap<number, number | Buffer> | null {
  try {
    return new Map(fieldsIn(message));
  } catch {
    return null;
  }
}
