/** Documents that are sent by mistake, by every way in: none stays anywhere, and nothing else that came is lost. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takingIn } from '../../src/api/outcomes.ts';
import { consumeObserver } from '../../src/app/observers.ts';
import { importFile } from '../../src/calls/importFile.ts';
import { formatOf } from '../../src/calls/lines.ts';
import { openOutcomesPublisher, openPayersPublisher } from '../../src/calls/publish.ts';
import { runRelays } from '../../src/app/roles.ts';
import { avroType } from '../../src/codec/schemas.ts';
import { PAYER_OUTCOMES } from '../../src/codec/topics.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import type { OutgoingMessage } from '../../src/log/eventLog.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { letters } from '../../src/operate/deadLetters.ts';
import { retryLetters } from '../../src/operate/retryLetters.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { asker, serving } from '../serve/asking.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { MINUTE } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { never, patience, readAll, shared } from '../support/topics.ts';
import { payerNo, payerOutcomes, POLICY } from './given.ts';
import { keep, statesOf } from './running.ts';

const { database, log } = await baldeDatabase();
const CPF = '52998224725';
const WRITTEN = '529.982.247-25';
const CNPJ = '11222333000181';
const LEAK = /529\.?982\.?247|11\.?222\.?333/;
const NOW = Date.now();
const windowStart = Math.floor(NOW / MINUTE) * MINUTE - MINUTE;
const good = (n: number) => payerOutcomes({ windowStart, payer: payerNo(n), status404: 1 });

/** All that Postgres holds, as text, and bytes as they are: but for the topic itself, which others write to. */
async function everythingStored(): Promise<string> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const mistaken = `topic_id = (select id from balde_log.topic where name = '${PAYER_OUTCOMES.name}')`;
    const others = name === 'balde_log.message' ? `where not ${mistaken}` : '';
    const rows = await database.query<{ row: string }>(`select t::text as row from ${name} t ${others}`);
    for (const { row } of rows)
      texts.push(
        row,
        ...[...row.matchAll(/\\\\?x([\da-f]{8,})/g)].map(([, hex]) => Buffer.from(hex ?? '', 'hex').toString('latin1')),
      );
  }
  return texts.join('\n');
}

/** What is logged at the most talkative level. */
function logger() {
  const lines: string[] = [];
  const into = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return { logger: pino({ level: 'trace' }, into), said: () => lines.join('') };
}

/** As `balde outcomes import` does it. */
async function importing(name: string, content: string, keepsPayers = true) {
  const folder = await mkdtemp(join(tmpdir(), 'balde-payers-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const path = join(folder, name);
  await writeFile(path, content);
  const bad: string[] = [];
  const publisher = await openOutcomesPublisher(log, () => NOW, never);
  const payers = keepsPayers ? await openPayersPublisher(log, () => NOW, never) : null;
  const counts = await importFile({
    ...{ path, format: formatOf(path) ?? 'csv', mapping: new Map(), defaults: {}, now: NOW, signal: never },
    ...{ publisher, payers, windowSeconds: 60, revision: 0, complete: false, onBytes: () => undefined },
    onBad: (line, reason) => bad.push(`${line}: ${reason}`),
  });
  await publisher.close();
  await payers?.close();
  return { counts, bad };
}

describe('documents sent by mistake [PAYER-3]', () => {
  it('don’t fit where a digest travels: who encodes by the schema is refused', () => {
    const wire = avroType('PayerOutcomesObserved', 1);
    const event = { ...payerOutcomes(), payer: null };
    for (const payer of [CPF, Buffer.from(CPF), WRITTEN, payerNo(1)])
      expect(() => wire.toBuffer({ ...event, payer })).toThrow();
    expect(() => wire.toBuffer({ ...event, payer: Buffer.from(payerNo(1), 'hex') })).not.toThrow();
  });

  it('over HTTP are refused line by line, and not repeated', async () => {
    const { logger: logging, said } = logger();
    const taken = takingIn({
      log,
      now: () => NOW,
      payers: true,
      onError: (err) => logging.error({ err }),
      signal: never,
    });
    const ask = asker(await serving({ token: null, intake: { ...taken, token: { value: 'w1c0ffee-0123456789' } } }));
    const line = (with_: Readonly<Record<string, unknown>>): string => JSON.stringify({ ...good(1), ...with_ });
    const wrong = [
      line({ payer: CPF }),
      line({ payer: WRITTEN }),
      line({ payer: Number(CPF) }),
      line({ payer: { cpf: CPF } }),
      line({ payer: CPF.padStart(64, '0') }),
      line({ payer: Buffer.from(CNPJ.padEnd(32)).toString('hex') }),
      line({ source: `of-${CPF}` }),
      line({ kind: CPF }),
      line({ policy: CNPJ }),
      line({ participant: CPF }),
      line({ status200: CPF }),
      line({ status404: Number(CPF) }),
      line({ windowStart: CPF }),
      line({ windowEnd: Number(CPF) }),
      line({ completeUpTo: WRITTEN }),
      line({ revision: WRITTEN }),
      line({ document: CPF }),
      line({ [CPF]: 1 }),
      line({ [WRITTEN]: CNPJ }),
      `{"payer": ${CPF}`,
      `["${CPF}"]`,
      `"${CNPJ}"`,
      JSON.stringify({ ...outcomes({ windowStart }), status200: CPF }),
      JSON.stringify({ ...outcomes({ windowStart }), [CNPJ]: 1 }),
      JSON.stringify({ ...outcomes({ windowStart }), windowStart: CPF, source: `x ${WRITTEN}` }),
    ];
    const body = wrong.flatMap((one, i) => [one, line({ payer: payerNo(i), source: 'posted' })]).join('\n');
    const headers = { 'content-type': 'application/x-ndjson', authorization: 'Bearer w1c0ffee-0123456789' };
    const answer = await ask('/api/v1/outcomes', { method: 'POST', headers, body });
    const answers = answer.text
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one) as { stored: boolean; reason: string });
    expect(answer.status).toBe(207);
    expect(answers.map(({ stored }) => stored)).toEqual(wrong.flatMap(() => [false, true]));
    for (const { stored, reason } of answers) expect(stored || reason.length > 10).toBe(true);
    expect(answer.text).not.toMatch(LEAK);
    expect(said()).not.toMatch(LEAK);
    const messages = await readAll(log, PAYER_OUTCOMES.name);
    expect(messages).toHaveLength(wrong.length);
    for (const { key, payload, properties } of messages)
      expect(`${key}${payload.toString('latin1')}${JSON.stringify(properties)}`).not.toMatch(LEAK);
  });

  it('are in no example of the documentation that is sent to Balde', async () => {
    const docs = await readFile(join(packageRoot, 'docs', 'payers.md'), 'utf8');
    const example = docs.split('\n').find((one) => one.startsWith('{"participant"') && one.includes('"kind"')) ?? '';
    const taken = takingIn({ log, now: () => NOW, payers: true, onError: () => undefined, signal: never });
    expect((await taken.take([example])).body).toBe('{"line":1,"stored":true,"reason":null}\n');
  });

  it('over HTTP are refused altogether where nothing is kept of payers', async () => {
    const taken = takingIn({ log, now: () => NOW, payers: false, onError: () => undefined, signal: never });
    const { body } = (await taken.take([JSON.stringify(good(1)), JSON.stringify({ ...good(1), payer: CPF })])) as {
      body: string;
    };
    expect(body.match(/nothing is kept of payers here/g)).toHaveLength(2);
    expect(body).not.toMatch(LEAK);
  });

  it('in a file are named by their lines, and not repeated', async () => {
    const text = (value: Readonly<Record<string, unknown>>): string => JSON.stringify({ ...good(1), ...value });
    const ready = { type: undefined, windowStart: new Date(windowStart).toISOString() };
    const lines = [
      text({ ...ready, payer: CPF }),
      text({ ...ready, payer: payerNo(40), source: 'imported' }),
      text({ ...ready, document: WRITTEN }),
      text({ ...ready, payer: null, kind: null, status404: 0, completeUpTo: windowStart + MINUTE, source: 'imported' }),
      JSON.stringify({ time: CPF, status: 200, policy: 'CLAIMS_READ', participant: '12345678' }),
      JSON.stringify({ time: windowStart, status: Number(CPF), policy: 'CLAIMS_READ', participant: '12345678' }),
      JSON.stringify({ time: windowStart, status: 200, policy: `OF ${WRITTEN}`, participant: '12345678' }),
      `{"payer": "${CPF}`,
    ];
    const imported = await importing('calls.ndjson', lines.join('\n'));
    expect(imported.counts).toMatchObject({ lines: 8, readyWindows: 2, bad: 6, windows: 2 });
    expect(imported.bad).toHaveLength(6);
    expect(imported.bad.join('\n')).not.toMatch(LEAK);
    const decoded = (await readAll(log, PAYER_OUTCOMES.name)).flatMap((one) => PAYER_OUTCOMES.decode(one) ?? []);
    expect(decoded.filter(({ source }) => source === 'imported')).toHaveLength(2);
    const headless = importing('calls.csv', `${CPF},${WRITTEN},200\n${CNPJ},x,404`);
    await expect(headless).rejects.toThrow('[left out]');
    await expect(headless).rejects.not.toThrow(LEAK);
    const off = await importing('calls.ndjson', lines.join('\n'), false);
    expect(off.bad.join('\n')).toContain('PAYERS_KEY');
    expect(off.bad.join('\n')).not.toMatch(LEAK);
  });

  it('on the topic, by somebody who ignores its schema, become letters without anything of the message', async () => {
    const message = PAYER_OUTCOMES.encode(good(2));
    const noUtf8 = Buffer.concat([message.payload.subarray(0, 9), Buffer.from(CPF), message.payload.subarray(9)]);
    const wire = avroType('PayerOutcomesObserved', 1);
    const filled = Buffer.from(CPF.padEnd(32));
    const mistaken: Partial<OutgoingMessage>[] = [
      { payload: Buffer.from(JSON.stringify({ ...good(2), payer: CPF })) },
      { payload: Buffer.from(CPF) },
      { payload: noUtf8 },
      { payload: wire.toBuffer({ ...good(2), payer: filled }) },
      { payload: wire.toBuffer({ ...good(2), payer: null, source: CPF }) },
      { payload: wire.toBuffer({ ...good(2), payer: null, kind: WRITTEN }) },
      { payload: wire.toBuffer({ ...good(2), payer: null, policy: CNPJ }) },
      { payload: wire.toBuffer({ ...good(2), payer: null, status200: Number(CPF) }) },
      { key: `12345678:${CPF}` },
      { key: `${CPF}:${POLICY}`, properties: { ...message.properties, payer: WRITTEN } },
      { properties: { schema_version: CPF } },
      { payload: Buffer.from('x'), eventTime: Number(CPF), properties: { [CPF]: CNPJ, event_id: WRITTEN } },
    ];
    const producer = await shared(log, PAYER_OUTCOMES.name, 'mistaken');
    const all = mistaken.flatMap((with_, i) => [{ ...message, ...with_ }, PAYER_OUTCOMES.encode(good(100 + i))]);
    await producer.send(all.map((one, sequenceId) => ({ ...one, sequenceId })));
    await producer.close();

    const { logger: logging, said } = logger();
    const metrics = new Metrics({ sql: database, now: () => NOW, staleAfterMs: 1_000 });
    const observer = { ...consumeObserver(metrics, logging) };
    const stop = new AbortController();
    const relays = runRelays(
      { database, log },
      { ...silentObserver, relayed: (...told) => observer.relayed(...told) },
      stop.signal,
    );
    await keep(database, log, { observer });
    await eventually('the letters are sent', async () => (await outboxSize(database)) === 0);
    stop.abort();
    await relays;

    // Nothing else is lost: whoever was told of rightly is kept, from here and from over HTTP.
    const kept = (await statesOf(database)).map(({ key }) => key.slice(-64));
    for (let i = 0; i < mistaken.length; i += 1) expect(kept).toContain(payerNo(100 + i));
    const found = [];
    for await (const batch of letters({ database, log }, { processor: 'payers', signal: patience() }))
      found.push(...batch);
    expect(found).toHaveLength(mistaken.length);
    for (const { message: letter, facts } of found) {
      expect([letter.payload.length, letter.key, facts.original]).toEqual([0, 'withheld', {}]);
      expect([facts.reason === null, facts.sourcePosition === null]).toEqual([false, false]);
      expect(JSON.stringify({ ...letter, position: '' })).not.toMatch(LEAK);
    }
    expect(said()).toContain('message set aside in the dead-letter topic');
    expect(said()).not.toMatch(LEAK);
    expect(await everythingStored()).not.toMatch(LEAK);
    const outcomesOf = [];
    for await (const one of retryLetters({ database, log }, [found], patience())) outcomesOf.push(one.outcome);
    expect(new Set(outcomesOf)).toEqual(new Set(['cut']));
  });

  it('would be found by this test, were they there', async () => {
    expect(await everythingStored()).not.toMatch(LEAK);
    await database.execute('create table public.leaky (a text, b bytea, c jsonb)');
    for (const [column, value] of [
      ['a', `'${WRITTEN}'`],
      ['b', `'${CPF}'::bytea`],
      ['c', `'{"x": "${CNPJ}"}'`],
    ]) {
      await database.execute(`insert into public.leaky (${column ?? ''}) values (${value ?? ''})`);
      expect(await everythingStored(), column).toMatch(LEAK);
      await database.execute('truncate public.leaky');
    }
  });
});
