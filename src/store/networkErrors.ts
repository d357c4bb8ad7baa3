/** What codes of the operating system, of DNS and of TLS mean for a connection to the database. */
import type { Meaning } from './sqlStates.ts';

const ANSWER = 'Check DATABASE_URL, and that the server runs and takes connections from this machine.';
const NAME = 'The host name of DATABASE_URL does not resolve: check it, and the DNS.';
const DESCRIPTORS = 'This process may open no more files: raise its limit (ulimit -n).';
const FIREWALL = 'A firewall, or the rights of this process, keep it from connecting.';
const AUTHORITY =
  'The server shows a certificate of an authority that is not trusted: add sslrootcert=FILE to DATABASE_URL.';
const OWN_PAIR =
  'sslcert and sslkey of DATABASE_URL are no certificate and its key: if they are just being replaced, this passes.';

/** Codes by which a certificate of the server's is refused: no waiting helps, unless somebody replaces it. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "The server's certificate has expired, or this machine's clock is wrong.",
  CERT_NOT_YET_VALID: "The server's certificate is not valid yet: check this machine's clock.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The server's certificate is for another host name: DATABASE_URL must use one that it carries.",
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  CERT_SIGNATURE_FAILURE: AUTHORITY,
};

const PASSING: Readonly<Record<string, string>> = {
  ENOTFOUND: NAME,
  EAI_AGAIN: NAME,
  EAI_FAIL: NAME,
  EMFILE: DESCRIPTORS,
  ENFILE: DESCRIPTORS,
  EACCES: FIREWALL,
  EPERM: FIREWALL,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: OWN_PAIR,
};

/** @param code `undefined` where there is none: a time-out, a connection that was cut, a server without TLS */
export function networkMeaning(code: string | undefined): Meaning {
  const name = code ?? '';
  const certificate = CERTIFICATE[name];
  if (certificate !== undefined) return { reaction: 'refused', advice: certificate };
  // Files that are half written or don't belong together are read again at the next attempt.
  const ownFiles = name.startsWith('ERR_OSSL_') && !name.includes('ALERT');
  return { reaction: 'retry', advice: PASSING[name] ?? (ownFiles ? OWN_PAIR : ANSWER) };
}
