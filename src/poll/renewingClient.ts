/**
 * A gRPC client whose certificates may be replaced while it is used: whoever renews the files need not restart Balde.
 */
import { messageOf } from '../errors.ts';
import { Client, credentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';

/** PEM files. A certificate and its key make it mutual TLS; without `ca` the system's authorities are trusted. */
export interface BridgeTls {
  readonly ca?: Buffer;
  readonly client?: { readonly cert: Buffer; readonly key: Buffer };
  /** Name expected in the Bridge's certificate, when it differs from the address. */
  readonly serverName?: string;
}

export interface RenewingOptions {
  readonly address: string;
  readonly channel: ChannelOptions;
  readonly tls: BridgeTls | null;
  /** Reads the files anew. It may throw: while they are being replaced they need not fit together. */
  readonly readTls?: () => BridgeTls;
}

interface Connected {
  readonly client: Client;
  readonly tls: BridgeTls | null;
  calls: number;
}

export class RenewingClient {
  readonly #options: RenewingOptions;
  #current: Connected;
  readonly #old = new Set<Connected>();
  #problem: string | null = null;

  /** @throws {Error} a PEM file can't be parsed */
  constructor(options: RenewingOptions) {
    this.#options = options;
    this.#current = this.#connect(options.tls);
  }

  /** Why the files as they are now can't be used, so that those read before are; `null` when they can. */
  get problem(): string | null {
    return this.#problem;
  }

  /** For one call, which goes to a new connection if the files have changed. Calls under way end where they began. */
  async using<T>(call: (client: Client) => Promise<T>): Promise<T> {
    this.#renew();
    const connected = this.#current;
    connected.calls += 1;
    try {
      return await call(connected.client);
    } finally {
      connected.calls -= 1;
      if (connected.calls === 0 && this.#old.delete(connected)) connected.client.close();
    }
  }

  /** Ends the connection; a call under way fails. Safe to call twice. */
  close(): void {
    for (const { client } of [this.#current, ...this.#old]) client.close();
    this.#old.clear();
  }

  #renew(): void {
    const { readTls } = this.#options;
    if (readTls === undefined) return;
    try {
      const tls = readTls();
      if (!isSame(tls, this.#current.tls)) {
        const before = this.#current;
        this.#current = this.#connect(tls);
        if (before.calls === 0) before.client.close();
        else this.#old.add(before);
      }
      this.#problem = null;
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  #connect(tls: BridgeTls | null): Connected {
    const { address, channel } = this.#options;
    const client = new Client(address, credentialsOf(tls), { ...channel, ...overrideOf(tls) });
    return { client, tls, calls: 0 };
  }
}

function isSame(a: BridgeTls, b: BridgeTls | null): boolean {
  const bytes = (tls: BridgeTls | null): readonly (Buffer | undefined)[] => [
    tls?.ca,
    tls?.client?.cert,
    tls?.client?.key,
  ];
  const others = bytes(b);
  return bytes(a).every((one, i) => {
    const other = others[i];
    return one === undefined || other === undefined ? one === other : one.equals(other);
  });
}

function credentialsOf(tls: BridgeTls | null): ChannelCredentials {
  if (tls === null) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.client?.key ?? null, tls.client?.cert ?? null);
}

/** Without the authority the Bridge would still be addressed, in HTTP/2, by a name its certificate does not carry. */
function overrideOf(tls: BridgeTls | null): ChannelOptions {
  const name = tls?.serverName;
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name };
}
