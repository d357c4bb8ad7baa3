/** What goes wrong between Balde and its topics, how it is said, and the ways out. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { Finding } from '../../src/operate/doctor/finding.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { openStorage } from '../../src/app/storage.ts';
import type { Database } from '../../src/store/database.ts';
import { hashAlerts, hashStates } from '../../src/store/hash.ts';
import { FOLD_NAMES } from '../../src/topology/folds.ts';
import { balde, baldeProcess, jsonOf } from '../cli/balde.ts';
import { settle } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { lastWords, run } from '../support/running.ts';
import { readAll, shared, publish } from '../support/topics.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { administrator, environmentOf, settingsOf } from './given.ts';
import type { Administrator } from './given.ts';

const LONG_MS = 150_000;
const FOLDS = [...FOLD_NAMES, 'relay', 'http'].join(',');

interface World {
  readonly settings: PulsarSettings;
  readonly environment: Record<string, string>;
  readonly database: Database;
  readonly log: PulsarLog;
  readonly admin: Administrator;
  /** `persistent/<tenant>/<namespace>` */
  readonly path: string;
}

/** A namespace and a database of their own, as balde migrate leaves them. */
async function world(namespace: string): Promise<World> {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  const settings = settingsOf({ serviceUrl, adminUrl, namespace: `${namespace}-${Date.now()}` });
  const { url, database } = await emptyDatabase();
  const environment = { DATABASE_URL: url, ...environmentOf(settings) };
  const { code, stderr } = await balde(['migrate'], environment);
  expect([code, stderr]).toEqual([0, '']);
  const log = new PulsarLog(settings);
  afterAll(async () => await log.close());
  const path = `persistent/${settings.tenant}/${settings.namespace}`;
  return { settings, environment, database, log, admin: administrator(adminUrl), path };
}

const poll = (minute: number, tokens: number) =>
  Array.from({ length: 8 }, (_, i) => outgoing(observed(`P${i}`, minute, tokens)));
const story = [...poll(0, 90), ...poll(5, 15), ...poll(10, 5), ...poll(15, 80)];

interface Report {
  readonly ok: boolean;
  readonly checks: readonly Finding[];
}

async function doctor(environment: Readonly<Record<string, string>>, program = balde) {
  const { checks } = jsonOf<Report>(await program(['doctor', '--json'], environment));
  return (check: string): Finding | undefined => checks.find((finding) => finding.check === check);
}

describePulsar('topics that change under a processor [PUL-2]', () => {
  test.each([
    ['and none is made by itself', false],
    ['and the broker makes topics by itself', true],
  ])(
    'deleted %s: the process ends with code 1 and says so once',
    async (_how, auto) => {
      const { environment, admin, path, settings, log } = await world('deleted');
      if (!auto) {
        const policy = { allowAutoTopicCreation: false };
        await admin('POST', `namespaces/${settings.tenant}/${settings.namespace}/autoTopicCreation`, policy);
      }
      await publish(log, story);
      const started = run(['start', '--roles', FOLDS], environment);
      await eventually('the processors are caught up', async () => {
        const { stdout } = await balde(['lag', '--json'], environment);
        const { folds } = JSON.parse(stdout) as { folds: { fold: string; events_behind: number }[] };
        return folds.every((one) => one.events_behind === 0);
      });
      await admin('DELETE', `${path}/${POLICY_STATES.name}/partitions?force=true`);
      expect(await started.ended).toBe(1);
      const said = lastWords(started.stderr());
      expect(said).toMatch(
        auto
          ? /^balde: (topic policy-states, partition \d, no longer has the message|there is no topic .*run balde migrate)/
          : /^balde: (there is no topic .*|partition \d of topic .* does not exist): run balde migrate\n$|^balde: reading topic .*the topic does not exist/,
      );
      expect(said.split('\n')).toHaveLength(2);
      expect(started.stderr()).not.toMatch(/defect|\n {4}at /);
    },
    LONG_MS,
  );

  test(
    'made anew, or trimmed beyond a checkpoint: told, shown, and the way out leads on [OPS-6]',
    async () => {
      const { environment, admin, path, database, log, settings } = await world('anew');
      await publish(log, story);
      await settle(database, log);
      const before = [await hashStates(database, 'states_v1'), await hashAlerts(database, 'alerts_v1')];
      const alerts = (await readAll(log, RATE_LIMIT_ALERTS.name)).length;
      expect(alerts).toBeGreaterThan(8);

      await admin('DELETE', `${path}/${POLICY_STATES.name}/partitions?force=true`);
      expect((await balde(['migrate'], environment)).code).toBe(0);
      const anew = new PulsarLog(settings);
      afterAll(async () => await anew.close());
      await publish(anew, story);

      const ended = await balde(['start', '--roles', 'states'], { ...environment, HTTP_PORT: '0' });
      expect(ended.code).toBe(1);
      expect(lastWords(ended.stderr)).toMatch(
        /^balde: topic policy-states, partition \d, no longer has the message at .*balde checkpoints reset --topic policy-states/,
      );
      const { stdout } = await balde(['checkpoints', 'list'], environment);
      expect(stdout).toMatch(/^states v1 +policy-states +\d .* the topic no longer has this message$/m);
      expect(stdout).toMatch(/balde checkpoints reset --topic policy-states makes them begin with the oldest/);

      const reset = await balde(['checkpoints', 'reset', '--topic', 'policy-states', '--yes'], environment);
      expect(reset.code).toBe(0);
      await settle(database, anew);
      expect([await hashStates(database, 'states_v1'), await hashAlerts(database, 'alerts_v1')]).toEqual(before);
      expect(await readAll(anew, RATE_LIMIT_ALERTS.name)).toHaveLength(alerts);

      // What was read leaves the topic, and the checkpoints' messages with it.
      for (let partition = 0; partition < 4; partition += 1) {
        const one = `${path}/${POLICY_STATES.name}-partition-${partition}`;
        await admin('PUT', `${one}/unload`);
        await admin('DELETE', `${one}/truncate`);
      }
      // Another producer: the broker remembers the ids of the first one, of which the topic shows none any more.
      const later = await shared(anew, POLICY_STATES.name, 'later');
      expect(await later.send(poll(30, 50))).toMatchObject({ stored: 8 });
      await later.close();
      const trimmed = await balde(['start', '--roles', 'states'], { ...environment, HTTP_PORT: '0' });
      expect(trimmed.code).toBe(1);
      expect(lastWords(trimmed.stderr)).toMatch(/no longer has the message .*its retention removed messages/);
      await balde(['checkpoints', 'reset', '--topic', 'policy-states', '--yes'], environment);
      await settle(database, anew);
      const [count] = await database.query<{ n: number }>('select count(*) as n from states_v1.history');
      expect(count?.n).toBe(story.length + 8);
    },
    LONG_MS,
  );

  test('an incompatible schema that was registered before: the reason, and code 1', async () => {
    const { environment, admin, path, settings } = await world('schema');
    const topic = POLICY_STATES.name;
    const schemas = `schemas/${settings.tenant}/${settings.namespace}/${topic}`;
    await admin('DELETE', `${path}/${topic}/partitions?force=true`);
    await admin('DELETE', `${schemas}/schema?force=true`);
    await admin('PUT', `${path}/${topic}/partitions`, 4);
    const other = { type: 'record', name: 'Other', fields: [{ name: 'other', type: 'int' }] };
    await admin('POST', `${schemas}/schema`, { type: 'AVRO', schema: JSON.stringify(other), properties: {} });
    for (const args of [['migrate'], ['start', '--roles', 'states']]) {
      const { code, stderr } = await balde(args, { ...environment, HTTP_PORT: '0' });
      expect(code).toBe(1);
      expect(lastWords(stderr)).toMatch(
        /^balde: topic .*policy-states has a schema that Balde's is not compatible with \(.+\): run the version of Balde.*PULSAR_NAMESPACE.*\n$/,
      );
    }
    const found = (await doctor(environment))(`topic ${topic}`);
    expect(found).toMatchObject({ status: 'fail' });
    expect(found?.detail).toMatch(/not compatible/);
  });
});

describePulsar('addresses, the addon and other logs [PUL-1]', () => {
  test('nobody there: told while waiting, then code 1', async () => {
    const { url } = await emptyDatabase();
    const gone = { serviceUrl: 'pulsar://127.0.0.1:1', adminUrl: 'http://127.0.0.1:1' };
    const cases = [
      [gone, /^balde: pulsar:\/\/127.0.0.1:1 does not answer \(ECONNREFUSED\): check PULSAR_URL/],
      [
        { serviceUrl: 'pulsar://nowhere.invalid:6650' },
        /^balde: pulsar:\/\/nowhere.invalid:6650 does not answer \(\w+\): the host name does not resolve: check PULSAR_URL/,
      ],
      [
        { serviceUrl: pulsarBroker().url, adminUrl: 'http://127.0.0.1:1' },
        /^balde: http:\/\/127.0.0.1:1 does not answer \(ECONNREFUSED\): check PULSAR_ADMIN_URL/,
      ],
    ] as const;
    for (const [values, words] of cases) {
      const { code, stderr } = await balde(['migrate'], {
        DATABASE_URL: url,
        ...environmentOf(settingsOf(values)),
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(words);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
    const waits: string[] = [];
    const opening = openStorage(
      { databaseUrl: url, dataDir: '.', pulsar: settingsOf(gone) },
      { patienceMs: 1_500, onWaiting: (error) => waits.push(error.message) },
    );
    await expect(opening).rejects.toBeInstanceOf(LogUnavailableError);
    expect(waits.length).toBeGreaterThanOrEqual(1);
  });

  test('without the addon: how to get it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balde-addon-'));
    afterAll(async () => await rm(folder, { recursive: true, force: true }));
    const hook = join(folder, 'hook.cjs');
    await writeFile(
      hook,
      `const { Module } = require('node:module');
       const load = Module._load;
       Module._load = (name, ...rest) => {
         if (name === 'pulsar-client') throw new Error('Cannot find module pulsar.node');
         return load(name, ...rest);
       };`,
    );
    const { url } = await emptyDatabase();
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const environment = { DATABASE_URL: url, NODE_OPTIONS: `--require=${hook}` };
    const without = { ...environment, ...environmentOf(settingsOf({ serviceUrl, adminUrl })) };
    for (const args of [['migrate'], ['start', '--roles', 'states']]) {
      const { code, stderr } = await baldeProcess(args, without);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^balde: .*run npm run pulsar:binding.*\n$/) as string]);
    }
    expect((await doctor(without, baldeProcess))('Pulsar client')).toMatchObject({
      status: 'fail',
      remedy: 'Run npm run pulsar:binding.',
    });
  });

  test('a database that the embedded log filled is no database for Pulsar', async () => {
    const { url, database, log } = await baldeDatabase();
    await publish(log, story);
    await settle(database, log);
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const { code, stderr } = await balde(['start', '--roles', 'states'], {
      ...{ DATABASE_URL: url, HTTP_PORT: '0' },
      ...environmentOf(settingsOf({ serviceUrl, adminUrl })),
    });
    expect(code).toBe(1);
    expect(lastWords(stderr)).toMatch(
      /^balde: \d{16} is no position of a Pulsar topic: .*Leave PULSAR_URL out as it was/,
    );
  });
});

describePulsar('a process on Pulsar, its doctor and its partitions [PUL-3]', () => {
  let here: World;
  beforeAll(async () => {
    here = await world('doctor');
  }, LONG_MS);

  test('its standard error is JSON lines, the client’s own among them; its banner tells the truth', async () => {
    const { environment, settings } = here;
    const started = run(['start', '--roles', FOLDS], { ...environment, LOG_LEVEL: 'trace' });
    await started.says(/metrics {4}http/);
    expect(started.stdout()).toContain(
      `  event log  Pulsar at ${settings.serviceUrl}, ${settings.tenant}/${settings.namespace}\n`,
    );
    await started.says(/"from":"pulsar"/);
    expect(await started.stop()).toBe(0);
    const lines = started
      .stderr()
      .split('\n')
      .filter((line) => line !== '');
    for (const line of lines) expect(JSON.parse(line)).toBeTypeOf('object');
    for (const line of started.stdout().trimEnd().split('\n')) {
      expect(line).toMatch(/^(Balde starts\.|stopped: | {2}(roles|database|event log|page|metrics) )/);
    }
  });

  test(
    'doctor: all well, then each thing that an administrator spoilt',
    async () => {
      const { environment, admin, path, log, database } = here;
      await publish(log, story);
      await settle(database, log);
      const well = await doctor(environment);
      for (const check of ['Pulsar client', 'Pulsar broker', 'Pulsar REST', `topic ${POLICY_STATES.name}`]) {
        expect(well(check)).toMatchObject({ check, status: 'ok', remedy: null });
      }
      expect(well(`topic ${POLICY_STATES.name}`)?.detail).toBe(
        '4 partitions, deduplication on, schema registered, messages kept 465 days',
      );
      expect(well(`topic ${RATE_LIMIT_ALERTS.name}`)?.detail).toMatch(/kept for ever$/);
      expect(well('processor states')).toMatchObject({ status: 'warn' });
      expect(well('processor states')?.detail).toMatch(
        /^subscription states-v1: \d+ not acknowledged; .*nobody is connected$/,
      );

      const alerts = `${path}/${RATE_LIMIT_ALERTS.name}`;
      await admin('POST', `${alerts}/deduplicationEnabled`, false);
      await admin('POST', `${path}/${POLICY_STATES.name}/retention`, {
        retentionTimeInMinutes: 60,
        retentionSizeInMB: -1,
      });
      await admin('DELETE', `${path}/policy-states-states-DLQ/partitions?force=true`);
      const spoilt = await eventually('the policies apply', async () => {
        const now = await doctor(environment);
        return now(`topic ${RATE_LIMIT_ALERTS.name}`)?.status === 'fail' && now;
      });
      expect(spoilt(`topic ${RATE_LIMIT_ALERTS.name}`)?.detail).toMatch(
        /^deduplication is off in partition 0, 1, 2, 3/,
      );
      expect(spoilt(`topic ${POLICY_STATES.name}`)).toMatchObject({ status: 'warn' });
      expect(spoilt(`topic ${POLICY_STATES.name}`)?.remedy).toMatch(/set-retention \S+ --time 465d --size -1$/);
      expect(spoilt('topic policy-states-states-DLQ')).toMatchObject({
        status: 'fail',
        remedy: 'Run balde migrate.',
      });
      expect((await balde(['migrate'], environment)).code).toBe(0);
      const mended = await doctor(environment);
      for (const name of [POLICY_STATES.name, RATE_LIMIT_ALERTS.name, 'policy-states-states-DLQ']) {
        expect(mended(`topic ${name}`)).toMatchObject({ status: 'ok' });
      }
    },
    LONG_MS,
  );

  test('doctor: a broker that is not there', async () => {
    const { url } = await emptyDatabase();
    const found = await doctor({ DATABASE_URL: url, ...environmentOf(settingsOf({})) });
    expect(found('Pulsar broker')).toMatchObject({
      status: 'fail',
      detail: 'pulsar://127.0.0.1:1 does not answer (ECONNREFUSED)',
      remedy: 'Check PULSAR_URL, and that the broker runs.',
    });
    expect(found('Pulsar REST')).toMatchObject({ status: 'fail' });
    expect(found('database')).toMatchObject({ status: 'ok' });
  });

  test(
    'migrate --partitions: not while a poller is connected or a processor is behind; then it is done',
    async () => {
      const { environment, log, database, settings } = here;
      const asked = async (...more: string[]) => await balde(['migrate', '--partitions', '6', ...more], environment);
      const poller = await log.producer(POLICY_STATES.name, {
        name: 'poller-12345678',
        access: 'exclusive',
        signal: new AbortController().signal,
      });
      await poller.send([outgoing(observed('P0', 60, 50))]);
      const busy = await asked();
      expect(busy.code).toBe(1);
      expect(busy.stderr).toMatch(
        /^balde: not now: connected are poller-12345678; alerting v1 is 1 messages behind; rollups v1 is 1 messages behind; states v1 is 1/,
      );
      expect(busy.stderr).toMatch(/1\. stop every process with role poller/);
      await poller.close();
      await settle(database, log);
      const grown = await asked();
      expect([grown.code, grown.stderr]).toEqual([0, '']);
      expect(grown.stdout).toMatch(/policy-states has 6 partitions now, before 4: start the pollers again/);
      expect((await asked()).stdout).toMatch(/has 6 partitions already/);
      expect((await balde(['migrate', '--partitions', '2'], environment)).stderr).toMatch(/takes none away/);
      const after = new PulsarLog(settings);
      afterAll(async () => await after.close());
      const before = (await readAll(after, POLICY_STATES.name)).length;
      await publish(after, [...poll(61, 50), ...poll(62, 5)]);
      await settle(database, after);
      expect(await readAll(after, POLICY_STATES.name)).toHaveLength(before + 16);
      expect((await doctor(environment))(`topic ${POLICY_STATES.name}`)?.detail).toMatch(
        /^6 partitions, deduplication on/,
      );
    },
    LONG_MS,
  );
});

describe('without Pulsar', () => {
  test('migrate --partitions says whom it is for', async () => {
    const { url } = await emptyDatabase();
    const { code, stderr } = await balde(['migrate', '--partitions', '6'], { DATABASE_URL: url });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^balde: --partitions is for Pulsar/) as string]);
  });
});
