/** X.509 certificates made on the spot: no openssl on the machine, no private key in the repository. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface Identity {
  readonly name: string;
  readonly key: KeyObject;
  readonly keyPem: Buffer;
  readonly certPem: Buffer;
}

const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const bits = (body: Buffer): Buffer => der(0x03, Buffer.from([0]), body);
const octets = (body: Buffer): Buffer => der(0x04, body);
const time = (at: Date): Buffer =>
  der(
    0x17,
    Buffer.from(
      at
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2),
    ),
  );
const named = (name: string): Buffer => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
const TRUE = Buffer.from([0x01, 0x01, 0xff]);

const extensions = (dnsName: string, isAuthority: boolean): Buffer =>
  der(
    0xa3,
    sequence(
      sequence(oid('551d13'), TRUE, octets(sequence(...(isAuthority ? [TRUE] : [])))),
      sequence(oid('551d11'), octets(sequence(der(0x82, Buffer.from(dnsName))))),
    ),
  );

/** A key and a certificate for `name`, valid for a day around now; signed by `authority`, or by itself. */
export function issue(name: string, authority?: Identity): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const day = 86_400_000;
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(8)]);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    named(authority?.name ?? name),
    sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    named(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions(name, authority === undefined),
  );
  const signature = sign('sha256', body, authority?.key ?? privateKey);
  const certificate = sequence(body, ECDSA_WITH_SHA256, bits(signature)).toString('base64');
  return {
    name,
    key: privateKey,
    keyPem: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    certPem: Buffer.from(`-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`),
  };
}
