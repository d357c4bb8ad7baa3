/**
 * Why a Bridge is unavailable. gRPC has one status for a closed port, a wrong certificate and a server that speaks
 * another protocol; a connection of our own tells them apart by the codes of the operating system and of OpenSSL.
 */
import { codeOf } from '../../systemErrors.ts';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BridgeTls } from '../../poll/bridgeClient.ts';

export interface Explanation {
  readonly what: string;
  readonly remedy: string;
}

const PATIENCE_MS = 3_000;

type Outcome = 'answered' | 'silent' | { readonly code: string };

/** `null` when connecting works, so that the cause lies elsewhere. */
export async function probe(address: string, tls: BridgeTls | null): Promise<Explanation | null> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(colon + 1));
  const tcp = await outcome(() => connectTcp({ host, port }), 'connect');
  if (typeof tcp === 'object') return network(tcp.code);
  if (tcp === 'silent') {
    return { what: 'no connection', remedy: 'Check the firewall: packets to this address are dropped.' };
  }
  return tls === null ? null : await handshake(host, port, tls);
}

async function handshake(host: string, port: number, tls: BridgeTls): Promise<Explanation | null> {
  const { ca, client, serverName } = tls;
  const found = await outcome(
    () =>
      connectTls({
        ...{ host, port, ALPNProtocols: ['h2'], servername: serverName ?? host },
        ...(ca === undefined ? {} : { ca }),
        ...client,
      }),
    // A server that accepts the client sends its HTTP/2 settings first.
    'data',
  );
  if (found === 'answered') return null;
  if (found === 'silent') {
    return {
      what: 'TLS: the handshake is not answered',
      remedy: 'The port may not speak TLS: check BRIDGE_TLS.',
    };
  }
  return { what: `TLS: ${found.code}`, remedy: TLS_REMEDIES[found.code] ?? tlsRemedy(found.code) };
}

/** In TLS 1.3 the client has finished when the server comes to judge its certificate. */
const CLOSED_AFTER_HANDSHAKE = 'closed after the handshake';

const REFUSED =
  'The Bridge refuses the client certificate: check BRIDGE_TLS_CERT_FILE and BRIDGE_TLS_KEY_FILE, and that their authority is the one it expects.';

const AUTHORITY = 'The Bridge shows a certificate of an authority that is not trusted: check BRIDGE_TLS_CA_FILE.';

const TLS_REMEDIES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "The Bridge's certificate has expired (or this machine's clock is wrong): have it renewed.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The Bridge's certificate carries another name: set BRIDGE_TLS_SERVER_NAME to the one it carries, if that is right.",
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  [CLOSED_AFTER_HANDSHAKE]: REFUSED,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'The port speaks TLS but not HTTP/2: another service answers there.',
  ECONNRESET: 'The Bridge closed the connection in the handshake: it may want a client certificate, or not speak TLS.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'The port does not speak TLS: check the port, or leave BRIDGE_TLS out.',
};

const tlsRemedy = (code: string): string =>
  code.includes('ALERT') ? REFUSED : 'Check the TLS files of this participant.';

const network = (code: string): Explanation => ({
  what: code,
  remedy:
    code === 'ENOTFOUND' || code === 'EAI_AGAIN'
      ? 'The name does not resolve: check BRIDGE_ADDRESS and the DNS.'
      : 'Nothing listens there: check BRIDGE_ADDRESS, and that the Bridge runs.',
});

/** Whether the socket came as far as `event`; never rejects, never lasts longer than {@link PATIENCE_MS}. */
async function outcome(open: () => Socket, event: 'connect' | 'data'): Promise<Outcome> {
  return await new Promise((resolve) => {
    let socket: Socket;
    try {
      socket = open();
    } catch (error) {
      resolve({ code: reasonOf(error) });
      return;
    }
    const settle = (result: Outcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => settle('silent'), PATIENCE_MS);
    socket.once(event, () => settle('answered'));
    let shaken = false;
    socket.once('secureConnect', () => (shaken = true));
    // Whether the refusal's alert or the reset behind it is seen is a matter of luck.
    const broken = (code: string): void => settle({ code: shaken ? CLOSED_AFTER_HANDSHAKE : code });
    socket.once('error', (error) => broken(reasonOf(error)));
    socket.once('close', () => broken('ECONNRESET'));
  });
}

const reasonOf = (error: unknown): string => codeOf(error) ?? String(error);
