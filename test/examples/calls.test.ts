/** The example publishers of examples/calls, against a real broker: what they publish is what Balde reads. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { PAYER_OUTCOMES, REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { partitionOf } from '../../src/log/partitionOf.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { digestOf, KEY, payerOutcomes } from '../payers/given.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { pulsarBroker } from '../support/pulsar.ts';
import { describePulsar } from '../support/pulsarSuites.ts';
import { readAll } from '../support/topics.ts';
import { pythonWith } from './python.ts';

const FOLDER = join(packageRoot, 'examples', 'calls');
const LANGUAGES = ['Python', 'TypeScript'] as const;
type Language = (typeof LANGUAGES)[number];
/** The first time, pip installs the client. */
const INSTALL_MS = 300_000;

const EXAMPLE = { windowStart: Date.UTC(2026, 0, 31, 12) };
const payersLine = (line: string | undefined) => JSON.parse(line ?? '{}') as Readonly<Record<string, unknown>>;

describePulsar('the example publishers', () => {
  const logs: PulsarLog[] = [];
  let programs: Readonly<Record<Language, readonly [string, string]>>;

  beforeAll(async () => {
    const file = join(packageRoot, 'dist', 'examples', 'calls', 'publisher.js');
    if (!existsSync(file)) throw new Error(`${file} is not there: run npm run build`);
    const python = await pythonWith(join(FOLDER, 'requirements.txt'));
    programs = { Python: [python, join(FOLDER, 'publisher.py')], TypeScript: [process.execPath, file] };
  }, INSTALL_MS);
  afterAll(async () => {
    await Promise.all(logs.map(async (log) => await log.close()));
  });

  async function newLog() {
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const namespace = `example-${randomUUID()}`;
    const own = { serviceUrl, adminUrl, tenant: 'balde-test', namespace, listener: null, token: null, tls: {} };
    const log = new PulsarLog(own);
    logs.push(log);
    await log.ensureTopic(REQUEST_OUTCOMES);
    await log.ensureTopic(PAYER_OUTCOMES);
    const topic = `persistent://balde-test/${namespace}/${REQUEST_OUTCOMES.name}`;
    const payers = topic.replace(REQUEST_OUTCOMES.name, PAYER_OUTCOMES.name);
    const args = ['--url', serviceUrl, '--admin-url', adminUrl, '--payers-topic', payers, '--topic', topic];
    return { log, args };
  }

  async function publish(language: Language, args: readonly string[], lines: readonly string[]) {
    const [command, file] = programs[language];
    const child = spawn(command, [file, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined);
    child.stdin.end(lines.join('\n'));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [said, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await ended, said, errors };
  }

  const lineOf = ({ type: _type, ...window }: RequestOutcomesObserved): string => JSON.stringify(window);

  it.each(LANGUAGES)(
    '[CALLIN-5] in %s publish windows by the registered schema, where Balde looks for them',
    async (language) => {
      const { log, args } = await newLog();
      const readme = await readFile(join(FOLDER, 'README.md'), 'utf8');
      const [shown = ''] = /^\{"participant".*\}$/m.exec(readme) ?? [];
      const windows = [
        outcomes({
          source: 'payments',
          operation: 'getEntry',
          status200: 5,
          status404: 1,
          completeUpTo: NOON + MINUTE,
        }),
        outcomes({ participant: '87654321', source: 'payments', windowStart: NOON + MINUTE, revision: 3 }),
      ];
      const { code, said, errors } = await publish(language, args, [...windows.map(lineOf), '', shown]);
      expect([code, said], errors).toEqual([0, '3 windows stored\n']);
      const messages = await readAll(log, REQUEST_OUTCOMES.name);
      const events = messages.map((message) => REQUEST_OUTCOMES.decode(message));
      const expected = [...windows, outcomes({ ...(JSON.parse(shown) as RequestOutcomesObserved) })];
      const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
      expect(events.sort(byText)).toEqual(expected.sort(byText));
      for (const { key, partition } of messages) expect(partition).toBe(partitionOf(key, REQUEST_OUTCOMES.partitions));
    },
    120_000,
  );

  it.each(LANGUAGES)(
    '[PAYER-3] in %s make digests of documents, which go nowhere, and name none in an error',
    async (language) => {
      const { log, args } = await newLog();
      const folder = await mkdtemp(join(tmpdir(), 'balde-key-'));
      onTestFinished(async () => await rm(folder, { recursive: true }));
      const key = join(folder, 'payers.key');
      await writeFile(key, `${KEY}\n`);
      const withKey = [...args, '--payers-key-file', key];
      const docs = await readFile(join(packageRoot, 'docs', 'payers.md'), 'utf8');
      const shown = [...docs.matchAll(/^\{"participant".*\d\}$/gm)]
        .map(([line]) => line)
        .filter((line) => !line.includes('"kind"'));
      const company = JSON.stringify({ ...payersLine(shown[0]), document: '12.abc.345/01DE-35', status404: 3 });
      const { code, said, errors } = await publish(language, withKey, [...shown, company]);
      expect([code, said], errors).toEqual([0, '3 windows stored\n']);
      const messages = await readAll(log, PAYER_OUTCOMES.name);
      expect(messages.map((message) => PAYER_OUTCOMES.decode(message))).toEqual([
        payerOutcomes({ ...EXAMPLE, payer: digestOf('52998224725'), status200: 2, status404: 1, paymentOrders: 1 }),
        payerOutcomes({ ...EXAMPLE, payer: null, kind: null, completeUpTo: EXAMPLE.windowStart + MINUTE }),
        payerOutcomes({
          ...EXAMPLE,
          payer: digestOf('12ABC34501DE35'),
          kind: 'PJ',
          status200: 2,
          status404: 3,
          paymentOrders: 1,
        }),
      ]);
      for (const { key: sent, partition, payload, properties } of messages) {
        expect(partition).toBe(partitionOf(sent, PAYER_OUTCOMES.partitions));
        expect(`${payload.toString('latin1')}${JSON.stringify(properties)}`).not.toMatch(/529|12ABC/);
      }
      const wrong = [
        { document: '5299822472599' },
        { payer: '52998224725' },
        { document: 52_998_224_725, status200: '529.982.247-25' },
      ].map((with_) => JSON.stringify({ ...payersLine(shown[0]), document: undefined, ...with_ }));
      for (const [line, ...options] of [
        ...wrong.map((one) => [one, ...withKey]),
        [shown[0] ?? '', ...args],
        ['{"document":"52998224725"', ...withKey],
      ]) {
        const refused = await publish(language, options, [line ?? '']);
        expect([refused.code, refused.said]).toEqual([1, '']);
        expect(refused.errors).not.toMatch(/529\.?982/);
      }
      expect(await readAll(log, PAYER_OUTCOMES.name)).toHaveLength(3);
      expect(await readAll(log, REQUEST_OUTCOMES.name)).toEqual([]);
    },
    240_000,
  );

  it.each(LANGUAGES)(
    '[CALLIN-5] in %s say what can’t be published, and end with 1',
    async (language) => {
      const { log, args } = await newLog();
      const wrong = JSON.stringify({ participant: PARTICIPANT, policy: 'X', windowEnd: NOON });
      const { code, errors } = await publish(language, args, [wrong]);
      expect([code, errors]).toEqual([1, expect.stringContaining(`${REQUEST_OUTCOMES.name}: `)]);
      expect(await readAll(log, REQUEST_OUTCOMES.name)).toEqual([]);
      const nowhere = await publish(language, [...args, '--topic', `${args.at(-1)}-nope`], []);
      expect([nowhere.code, nowhere.errors]).toEqual([1, expect.stringContaining('-nope: ')]);
    },
    120_000,
  );
});
