/** X.509 certificates made on the spot: no key lies in the repository, none ever expires under a test. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export interface Certified {
  readonly cert: string;
  readonly key: string;
  readonly privateKey: KeyObject;
  readonly name: string;
}

/** DER: tag, length, content (ITU-T X.690). */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...contents: readonly Buffer[]): Buffer => der(0x30, ...contents);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const integer = (value: number): Buffer => der(0x02, Buffer.from([value]));
const bits = (content: Buffer): Buffer => der(0x03, Buffer.from([0]), content);
const generalizedTime = (text: string): Buffer => der(0x18, Buffer.from(text));

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const VALIDITY = sequence(generalizedTime('20200101000000Z'), generalizedTime('99991231235959Z'));
const commonName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));

/** basicConstraints, critical: whether it may sign others. */
const constraints = (isAuthority: boolean): Buffer =>
  sequence(
    oid('551d13'),
    der(0x01, Buffer.from([0xff])),
    der(0x04, isAuthority ? sequence(der(0x01, Buffer.from([0xff]))) : sequence()),
  );

/** subjectAltName: localhost and 127.0.0.1. */
const LOOPBACK = sequence(
  oid('551d11'),
  der(0x04, sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))),
);

const pem = (body: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(body.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;

let serial = 0;

/** A certificate for loopback, signed by `issuer`; without one, an authority signed by itself. */
export function certify(name: string, issuer?: Certified): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tbs = sequence(
    der(0xa0, integer(2)),
    integer(++serial),
    ECDSA_SHA256,
    commonName(issuer?.name ?? name),
    VALIDITY,
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(constraints(issuer === undefined), LOOPBACK)),
  );
  const signature = sign('sha256', tbs, issuer?.privateKey ?? privateKey);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: pem(sequence(tbs, ECDSA_SHA256, bits(signature))), key, privateKey, name };
}
