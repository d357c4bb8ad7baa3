/**
 * The first exchange of Pulsar's protocol, on a connection of our own: `Connect`, and what the broker says to it.
 * Frames and fields as in PulsarApi.proto: size of the frame and of the command (4 bytes each), then `BaseCommand`.
 */
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';

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
export type Reply =
  | { readonly kind: 'welcome' | 'foreign' | 'silent' }
  | { readonly kind: 'refused'; readonly error: number; readonly reason: string }
  | { readonly kind: 'closed'; readonly encrypted: boolean }
  | { readonly kind: 'failed'; readonly code: string };

/** Of `ServerError`. */
export const AUTHENTICATION_ERROR = 3;

const PATIENCE_MS = 5_000;
const PROTOCOL_VERSION = 19;
const [CONNECT, ERROR] = [2, 14];
/** The first answer is short; whatever is longer is another protocol. Bytes. */
const LONGEST = 100_000;

/** Never rejects. Ends within {@link PATIENCE_MS}. */
export async function greet(greeting: Greeting): Promise<Reply> {
  return await new Promise((resolve) => {
    const { host, port, tls } = greeting;
    let socket: Socket;
    try {
      socket = tls === null ? connectTcp({ host, port }) : connectTls({ ...tls, host, port });
    } catch (error) {
      resolve({ kind: 'failed', code: codeOf(error) });
      return;
    }
    const settle = (reply: Reply): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(() => settle({ kind: 'silent' }), PATIENCE_MS);
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
      const code = codeOf(error);
      const isSaid = !open || code.includes('ALERT');
      settle(isSaid ? { kind: 'failed', code } : { kind: 'closed', encrypted: tls !== null });
    });
    socket.once('close', () => settle({ kind: 'closed', encrypted: open && tls !== null }));
  });
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);

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
function replyOf(received: Buffer): Reply | null {
  if (received.length < 4) return null;
  const size = received.readUInt32BE(0);
  if (size > LONGEST) return { kind: 'foreign' };
  if (received.length < size + 4) return null;
  const command = fieldsOf(received.subarray(8, size + 4));
  const error = command?.get(ERROR);
  // `Connected`, or a command that goes on with the authentication.
  if (error === undefined) return { kind: typeof command?.get(1) === 'number' ? 'welcome' : 'foreign' };
  const fields = Buffer.isBuffer(error) ? fieldsOf(error) : null;
  return { kind: 'refused', error: Number(fields?.get(2) ?? 0), reason: String(fields?.get(3) ?? '') };
}

const numberField = (field: number, value: number): Buffer => Buffer.from([field << 3, ...varint(value)]);

function bytesField(field: number, value: string | Buffer): Buffer {
  const body = Buffer.from(value);
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(body.length)]), body]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

/** Fields of a protobuf message, numbers and byte strings; `null` for what is none. The last of a number counts. */
function fieldsOf(message: Buffer): Map<number, number | Buffer> | null {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const number = (): number => {
    for (let [value, factor] = [0, 1]; ; factor *= 128) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    const value = number();
    if (wire === 0) fields.set(field, value);
    else if (wire === 2) fields.set(field, message.subarray(at, (at += value)));
    else return null;
  }
  return fields;
}
