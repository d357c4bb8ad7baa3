/** The procedures of docs/pulsar.md, done by the commands that stand there. */
import { afterAll, describe, expect, inject, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { Finding } from '../../src/operate/doctor/finding.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { FOLD_NAMES, TOPICS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import type { Ended } from '../cli/balde.ts';
import { observed, outgoing } from '../support/observations.ts';
import { blockOf } from '../support/procedures.ts';
import { lastWords, run } from '../support/running.ts';
import type { Running } from '../support/running.ts';
import { readAll, publish } from '../support/topics.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { administrator, environmentOf, settingsOf } from './given.ts';

/** The lines of the shell block below a heading, comments taken off. */
const linesBelow = (heading: string): string[] =>
  blockOf('docs/pulsar.md', heading).map((line) =>
    line.startsWith('#') ? line.replace(/^# (\d\. )?/, '# ') : line.replace(/\s+#.*$/, ''),
  );

const server = openDatabase({ url: inject('postgresUrl'), poolSize: 1 });
const databases: string[] = [];
afterAll(async () => {
  for (const name of databases) await server.execute(`drop database if exists ${name} with (force)`);
  await server.close();
});

let count = 0;
async function newDatabase(): Promise<string> {
  const name = `procedure_${process.pid}_${(count += 1)}`;
  databases.push(name, `${name}_backup`);
  await server.execute(`create database ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

/** Where the commands are typed. */
interface Shell {
  readonly environment: Record<string, string>;
  running: Running | null;
  last: Ended | null;
}

const ROLES = [...FOLD_NAMES, 'relay'].join(',');

/** What the lines of the document do. A backup is a copy, made by the server itself: the tools need not be here. */
const LINES: readonly (readonly [RegExp, (shell: Shell, ...parts: string[]) => Promise<void>])[] = [
  [
    /^npx balde start$/,
    async (shell) => {
      shell.running = run(['start', '--roles', ROLES], shell.environment);
      await shell.running.says(/Balde starts/, 60_000);
    },
  ],
  [
    /^npx balde (.+)$/,
    async (shell, words = '') => {
      shell.last = await balde(words.split(' '), shell.environment);
      expect(shell.last.code, `${words}: ${shell.last.stderr}`).toBe(0);
    },
  ],
  [
    /^# stop every process/,
    async (shell) => {
      if (shell.running !== null) expect(await shell.running.stop()).toBe(0);
      shell.running = null;
    },
  ],
  [/^pg_dump --format=custom --file=balde\.dump "\$DATABASE_URL"$/, async (shell) => await copy(shell, '', '_backup')],
  [
    /^dropdb "\$DATABASE" && createdb "\$DATABASE"$/,
    async (shell) => {
      await server.execute(`drop database ${nameOf(shell)} with (force)`);
    },
  ],
  [/^pg_restore --dbname="\$DATABASE_URL" balde\.dump$/, async (shell) => await copy(shell, '_backup', '')],
];

const nameOf = ({ environment }: Shell): string => new URL(environment['DATABASE_URL'] ?? '').pathname.slice(1);

const copy = async (shell: Shell, from: string, to: string): Promise<void> => {
  await eventually('a copy', async () =>
    server.execute(`create database ${nameOf(shell)}${to} template ${nameOf(shell)}${from}`).then(
      () => true,
      () => false,
    ),
  );
};

async function type(shell: Shell, line: string): Promise<void> {
  const found = LINES.find(([pattern]) => pattern.test(line));
  if (found === undefined) throw new Error(`docs/pulsar.md says what nobody here knows how to do: ${line}`);
  await found[1](shell, ...(found[0].exec(line) ?? []).slice(1));
}

const caughtUp = async ({ environment }: Shell): Promise<boolean> =>
  await eventually(
    'everything is read',
    async () => {
      const { stdout } = await balde(['lag', '--json'], environment);
      const { folds, outbox } = JSON.parse(stdout) as {
        folds: { events_behind: number }[];
        outbox: { entries: number }[];
      };
      return (
        folds.length > 0 &&
        folds.every(({ events_behind: behind }) => behind === 0) &&
        outbox.every(({ entries }) => entries === 0)
      );
    },
    60_000,
  );

const finding = async (shell: Shell, check: string): Promise<Finding | undefined> =>
  jsonOf<{ checks: Finding[] }>(await balde(['doctor', '--json'], shell.environment)).checks.find(
    (one) => one.check === check,
  );

const poll = (minute: number, tokens: number) =>
  Array.from({ length: 4 }, (_, i) => outgoing(observed(`P${i}`, minute, tokens)));
const FIRST = [...poll(0, 90), ...poll(5, 15)];
const THEN = [...poll(10, 5), ...poll(15, 80)];

const newShell = async (name: string) => {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  const settings = settingsOf({ serviceUrl, adminUrl, namespace: `${name}-${Date.now()}` });
  const environment = { DATABASE_URL: await newDatabase(), ...environmentOf(settings) };
  const shell: Shell = { environment, running: null, last: null };
  const log = new PulsarLog(settings);
  afterAll(async () => await log.close());
  const eventIds = async (): Promise<string[]> =>
    (await readAll(log, RATE_LIMIT_ALERTS.name)).map(({ properties }) => properties['event_id'] ?? '');
  return { shell, settings, log, eventIds, admin: administrator(adminUrl) };
};

const rowsOf = async (shell: Shell): Promise<number> => {
  const database = openDatabase({ url: shell.environment['DATABASE_URL'] ?? '', poolSize: 1 });
  try {
    const [row] = await database.query<{ n: number }>('select count(*) as n from dict_rate_limit_states');
    return row?.n ?? 0;
  } finally {
    await database.close();
  }
};

const LONG_MS = 240_000;

describePulsar('the procedures of docs/pulsar.md [OUT-4][PUL-20]', () => {
  it(
    'restore a database: nothing is lost, no alert comes twice, and the namespace stays its own',
    async () => {
      const { shell, log, eventIds } = await newShell('restored');
      await type(shell, 'npx balde migrate');
      await publish(log, FIRST);
      await type(shell, 'npx balde start');
      await caughtUp(shell);
      await type(shell, '# stop every process');
      const [backup = '', ...restore] = linesBelow('Restoring the database');
      await type(shell, backup);
      await type(shell, 'npx balde start');
      await publish(log, THEN);
      await caughtUp(shell);
      const before = await eventIds();
      for (const line of restore) await type(shell, line);
      await caughtUp(shell);
      expect(await rowsOf(shell)).toBe(FIRST.length + THEN.length);
      const after = await eventIds();
      expect(new Set(after).size).toBe(after.length);
      expect(after.slice().sort()).toEqual(before.slice().sort());
      expect((await finding(shell, 'namespace'))?.status).toBe('ok');
      await type(shell, '# stop every process');
      await type(shell, 'npx balde verify states');
    },
    LONG_MS,
  );

  it(
    'make lost topics anew: rows stay, and what comes next is read',
    async () => {
      const { shell, log, admin, settings } = await newShell('lost');
      await type(shell, 'npx balde migrate');
      await publish(log, FIRST);
      await type(shell, 'npx balde start');
      await caughtUp(shell);
      await type(shell, '# stop every process');
      for (const { name } of TOPICS)
        await admin('DELETE', `persistent/${settings.tenant}/${settings.namespace}/${name}/partitions?force=true`);
      for (const line of linesBelow('When the topics are lost')) await type(shell, line);
      const anew = new PulsarLog(settings);
      await publish(anew, THEN);
      await anew.close();
      await caughtUp(shell);
      expect(await rowsOf(shell)).toBe(FIRST.length + THEN.length);
      await type(shell, '# stop every process');
    },
    LONG_MS,
  );

  it(
    'find a lost checkpoint and make its processors begin anew',
    async () => {
      const { shell, log } = await newShell('checkpoint');
      await type(shell, 'npx balde migrate');
      await publish(log, FIRST);
      await type(shell, 'npx balde start');
      await caughtUp(shell);
      await type(shell, '# stop every process');
      for (const line of linesBelow('"no longer has the message": a checkpoint that is lost')) await type(shell, line);
      await type(shell, 'npx balde start');
      await caughtUp(shell);
      expect(await rowsOf(shell)).toBe(FIRST.length);
      await type(shell, '# stop every process');
    },
    LONG_MS,
  );

  it(
    'hand a namespace over from one database to another, which alone goes on',
    async () => {
      const { shell: former, log, eventIds } = await newShell('handed');
      await type(former, 'npx balde migrate');
      await publish(log, [...FIRST, ...THEN]);
      await type(former, 'npx balde start');
      await caughtUp(former);
      const before = await eventIds();
      const next: Shell = {
        environment: { ...former.environment, DATABASE_URL: await newDatabase() },
        running: null,
        last: null,
      };
      for (const words of [['migrate'], ['start', '--roles', ROLES]]) {
        const { code, stderr } = await balde(words, next.environment);
        expect([code, lastWords(stderr)]).toEqual([
          1,
          expect.stringMatching(/^balde: namespace .* belongs to another/),
        ]);
      }
      expect((await finding(next, 'namespace'))?.status).toBe('fail');
      // What was left running is told.
      for (const line of linesBelow('Whose a namespace is')) await type(next, line);
      expect(await former.running?.ended).toBe(1);
      expect(lastWords(former.running?.stderr() ?? '')).toMatch(/belongs to another database/);
      await caughtUp(next);
      expect(await rowsOf(next)).toBe(FIRST.length + THEN.length);
      expect((await eventIds()).sort()).toEqual(before.sort());
      await type(next, '# stop every process');
    },
    LONG_MS,
  );
});

describe('docs/pulsar.md', () => {
  it('has a procedure for each of what may happen to database and topics', () => {
    const named = ['Restoring the database', 'When the topics are lost', 'Whose a namespace is'];
    for (const heading of [...named, '"no longer has the message": a checkpoint that is lost'])
      expect(linesBelow(heading).length).toBeGreaterThan(2);
  });
});
