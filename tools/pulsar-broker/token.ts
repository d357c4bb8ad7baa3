/** JSON web tokens as Pulsar's token authentication takes them, signed with a secret key. */
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BrokerError } from './errors.ts';

/** HS256 asks for a key as long as its hash, and from 48 bytes on the broker takes the key for another algorithm. */
const SECRET_BYTES = { least: 32, most: 47 } as const;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token without expiry for `role`, signed with HS256. */
export function createToken(secret: Buffer, role: string): string {
  const content = `${encode({ alg: 'HS256' })}.${encode({ sub: role })}`;
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

/** @throws {BrokerError} when the file is missing or no key for HS256 */
export async function readSecret(file: string): Promise<Buffer> {
  const secret = await readFile(file).catch((cause: unknown) => {
    throw new BrokerError('bad-secret', `The secret key file ${file} can't be read. ${MAKE_ONE(file)}`, {
      cause,
    });
  });
  if (secret.length >= SECRET_BYTES.least && secret.length <= SECRET_BYTES.most) return secret;
  throw new BrokerError(
    'bad-secret',
    `The secret key file ${file} has ${secret.length} bytes; a key for HS256 has 32. ${MAKE_ONE(file)}`,
  );
}

const MAKE_ONE = (file: string): string => `Make one: openssl rand -out ${file} 32`;
