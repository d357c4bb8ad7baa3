/** `POST /api/v1/outcomes`: who may send what, what becomes of each line, and that nothing else happens. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openApi } from '../../src/api/openapi.ts';
import { OUTCOMES_PATH, takingIn } from '../../src/api/outcomes.ts';
import { REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import type { IntakeLimits } from '../../src/serve/intake.ts';
import type { ServeOptions } from '../../src/serve/server.ts';
import { asker, serving } from '../serve/asking.ts';
import type { Answered } from '../serve/asking.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { never, readAll } from '../support/topics.ts';

const { log } = await baldeDatabase();
const WRITER = 'w1c0ffee-0123456789';
const READER = 'e2a1c0ffee-0123456789';
const NDJSON = { 'content-type': 'application/x-ndjson' };
const OWN = { ...NDJSON, authorization: `Bearer ${WRITER}` };

interface Given extends Pick<ServeOptions, 'token'> {
  readonly log?: Pick<EventLog, 'producer'>;
  readonly limits?: Partial<IntakeLimits>;
  readonly writer?: string | null;
}

async function posting({ token = { value: READER }, limits = {}, writer = WRITER, log: into = log }: Given = {}) {
  const clock = { now: NOON + MINUTE };
  const failed: unknown[] = [];
  const now = (): number => clock.now;
  const taken = takingIn({ log: into, now, payers: false, onError: (error) => failed.push(error), signal: never });
  const intake = { ...taken, limits, token: writer === null ? null : { value: writer } };
  const ask = asker(await serving({ token, intake, now }));
  const post = async (body: string, headers: Record<string, string> = OWN): Promise<Answered> =>
    await ask(OUTCOMES_PATH, { method: 'POST', headers, body });
  return { clock, failed, ask, post };
}

const line = (with_: Parameters<typeof outcomes>[0] & { readonly more?: unknown }): string =>
  JSON.stringify(outcomes(with_));
const linesOf = ({ text }: Answered): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one) as unknown);
const stored = async (source: string) =>
  (await readAll(log, REQUEST_OUTCOMES.name))
    .flatMap((message) => REQUEST_OUTCOMES.decode(message) ?? [])
    .filter((one) => one.source === source);

describe('POST /api/v1/outcomes', () => {
  it('[CALLIN-3] answers each line: stored, once however often it is sent, or why not', async () => {
    const { post } = await posting();
    const window = { source: 'posted', status200: 3 };
    const all = await post(`${line(window)}\n\n${line({ ...window, windowStart: NOON - MINUTE })}`);
    expect([all.status, all.headers['content-type'], ...linesOf(all)]).toEqual([
      ...[200, 'application/x-ndjson'],
      ...[
        { line: 1, stored: true, reason: null },
        { line: 3, stored: true, reason: null },
      ],
    ]);
    const short = { ...outcomes({ source: 'posted' }), status200: undefined };
    const mixed = ['{', '[1]', JSON.stringify({ ...outcomes(), payee: 'x' }), JSON.stringify(short), line(window)];
    const some = await post(mixed.join('\n'));
    expect([some.status, ...linesOf(some)]).toEqual([
      207,
      { line: 1, stored: false, reason: 'the line is no JSON' },
      { line: 2, stored: false, reason: 'the line is no JSON object' },
      {
        line: 3,
        stored: false,
        reason: expect.stringMatching(/^"payee" is no field: there are participant, /) as string,
      },
      { line: 4, stored: false, reason: 'status200 is missing' },
      { line: 5, stored: true, reason: null },
    ]);
    const events = (await readAll(log, REQUEST_OUTCOMES.name)).map(({ properties }) => properties['event_id']);
    expect([events.length, new Set(events).size]).toEqual([3, 2]);
    expect(await stored('posted')).toContainEqual(outcomes(window));
  });

  it('[CALLIN-3] takes in the example of its documentation', async () => {
    const text = await readFile(join(packageRoot, 'docs', 'outcomes.md'), 'utf8');
    const [example = ''] = /^\{"participant".*\}$/m.exec(text) ?? [];
    const { post, clock } = await posting();
    clock.now = Date.UTC(2026, 1, 1);
    const answer = await post(example);
    expect([answer.status, text]).toEqual([200, expect.stringContaining(`\n${answer.text}`)]);
  });

  it('[CALLIN-3] asks for the token that may write: not the one that may look, which writes nothing', async () => {
    const { post, ask, clock } = await posting();
    const statuses = async (headers: Record<string, string>) =>
      (await post(line({ source: 'denied' }), headers)).status;
    const withToken = (token: string) => ({ ...NDJSON, authorization: `Bearer ${token}` });
    expect(await statuses(NDJSON)).toBe(401);
    expect(await statuses(withToken('wrong'))).toBe(401);
    expect(await statuses(withToken(READER))).toBe(403);
    expect(await statuses({ ...OWN, origin: 'https://elsewhere.example' })).toBe(403);
    expect((await ask('/api/v1/overview', { headers: { authorization: `Bearer ${WRITER}` } })).status).toBe(403);
    for (let i = 0; i < 10; i += 1) await statuses(withToken('wrong'));
    const slow = await post(line({}), withToken(WRITER));
    expect([slow.status, slow.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    clock.now += 10 * MINUTE;
    expect(await stored('denied')).toEqual([]);
    const { post: nowhere } = await posting({ writer: null });
    const off = await nowhere(line({}));
    expect([off.status, off.headers['content-type']]).toEqual([403, 'application/problem+json']);
    expect(off.text).toContain('OUTCOMES_TOKEN');
  });

  it('[CALLIN-3] takes in so much at once, of one form, and tells what else is sent what to do', async () => {
    const { post, ask, clock } = await posting({ limits: { bytes: 2_000, lines: 2, burst: 5, perSecond: 1 } });
    const problem = ({ status, text }: Answered): unknown => [status, (JSON.parse(text) as { detail: string }).detail];
    expect(problem(await post('{}', { ...OWN, 'content-type': 'application/json' }))).toEqual([
      415,
      expect.stringContaining('x-ndjson'),
    ]);
    expect(problem(await post('{}', { ...OWN, 'content-encoding': 'gzip' }))).toEqual([
      415,
      expect.stringContaining('as it is'),
    ]);
    expect(problem(await post('x'.repeat(2_001)))).toEqual([413, expect.stringContaining('2000 bytes')]);
    const chunked = { ...OWN, 'transfer-encoding': 'chunked' };
    expect(problem(await post('x'.repeat(2_001), chunked))).toEqual([413, expect.stringContaining('2000 bytes')]);
    expect(problem(await post('{}\n{}\n{}'))).toEqual([413, expect.stringContaining('3 lines')]);
    expect(problem(await post('\n'))).toEqual([400, 'the body has no line']);
    for (let i = 0; i < 2; i += 1) expect((await post(line({ source: 'rate' }))).status).toBe(200);
    expect(problem(await post(line({ source: 'rate' })))).toEqual([
      429,
      expect.stringContaining('1 requests a second'),
    ]);
    clock.now += 1_000;
    expect((await post(line({ source: 'rate' }))).status).toBe(200);
    const get = await ask(OUTCOMES_PATH, { headers: { authorization: `Bearer ${READER}` } });
    expect([get.status, get.headers.allow]).toEqual([405, 'POST']);
  });

  it('[CALLIN-3] says that the log is away, and goes on when it is back', async () => {
    let away = true;
    const flaky: Pick<EventLog, 'producer'> = {
      producer: async (...given) => {
        if (away) throw new LogUnavailableError('the broker is away');
        return await log.producer(...given);
      },
    };
    const { post, failed } = await posting({ log: flaky });
    const { status, headers } = await post(line({ source: 'flaky' }));
    expect([status, headers['retry-after'], headers['content-type']]).toEqual([503, '2', 'application/problem+json']);
    away = false;
    expect((await post(line({ source: 'flaky' }))).status).toBe(200);
    expect([failed, (await stored('flaky')).length]).toEqual([[], 1]);
  });

  it('[CALLIN-3] answers whatever is sent as its document says, and stores nothing that can’t be', async () => {
    const sent: unknown[] = [];
    const producer = async () =>
      await Promise.resolve({
        ...{ topic: REQUEST_OUTCOMES.name, lastSequenceId: -1, close: async () => Promise.resolve() },
        send: async (messages: readonly unknown[]) => {
          sent.push(...messages);
          return await Promise.resolve({ stored: messages.length, duplicates: 0 });
        },
      });
    const { post, failed } = await posting({ log: { producer }, limits: { burst: 1e9 } });
    const document = openApi('/api/v1') as { components: object };
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ $id: 'api', components: document.components });
    const isLine = ajv.compile({ $ref: 'api#/components/schemas/LineAnswer' });
    const isOutcomes = ajv.compile({ $ref: 'api#/components/schemas/Outcomes' });
    const value = fc.oneof(
      fc.anything(),
      fc.constantFrom(NOON, '2026-01-31T12:00:00Z', -1, 1e308, '1', 'A\u0000', '__proto__'),
    );
    const changed = fc.record({ name: fc.oneof(fc.string(), fc.constantFrom(...Object.keys(outcomes()))), value });
    const lines = fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
      fc.json(),
      changed.map((one) => JSON.stringify({ ...outcomes(), [one.name]: one.value })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(lines, { minLength: 1, maxLength: 8 }), async (given) => {
        const before = sent.length;
        const answer = await post(given.join('\n'));
        if (answer.status === 400) return;
        expect([200, 207]).toContain(answer.status);
        const answers = linesOf(answer) as { line: number; stored: boolean }[];
        expect(answers.filter((one) => !isLine(one))).toEqual([]);
        const taken = answers.filter((one) => one.stored);
        expect(sent.length - before).toBe(taken.length);
        for (const { line: number } of taken) {
          const { type: _type, ...record } = JSON.parse(given[number - 1] ?? '') as { type?: string };
          expect([record, isOutcomes(record)]).toEqual([record, true]);
        }
      }),
      { numRuns: 80 },
    );
    expect(failed).toEqual([]);
  });
});
