/** The event of topic `request-outcomes`: what it may say, its versions, and how it gets there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOutcomesError, openOutcomesPublisher } from '../../src/calls/publish.ts';
import { decodeOutcomes, encodeOutcomes } from '../../src/codec/outcomes.ts';
import { avroType } from '../../src/codec/schemas.ts';
import { REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import { invalidOutcomes, UNNAMED, WINDOW_SECONDS } from '../../src/domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { RELAYED_TOPICS, TOPICS } from '../../src/topology/folds.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { never, readAll } from '../support/topics.ts';

const { log } = await baldeDatabase();

describe('a window of calls [CALLS-1]', () => {
  it.each<[string, Partial<RequestOutcomesObserved>]>([
    ['participant', { participant: '1234567' }],
    ['policy', { policy: '' }],
    ['policy', { policy: 'TWO WORDS' }],
    ['source', { source: '' }],
    ['operation', { operation: 'x'.repeat(101) }],
    ['windowStart', { windowStart: Date.UTC(2019, 11, 31) }],
    ['windowStart', { windowStart: Number.NaN }],
    ['windows have 10, 12, 15, 20, 30, 60 s', { windowEnd: NOON + 5 * MINUTE }],
    ['windows have 10, 12, 15, 20, 30, 60 s', { windowEnd: NOON + 40_000 }],
    ['windows have 10, 12, 15, 20, 30, 60 s', { windowEnd: NOON }],
    ["is no multiple of the window's 20 s", { windowStart: NOON + 10_000, windowEnd: NOON + 30_000 }],
    ['status404 -1', { status404: -1 }],
    ['status200 0.5', { status200: 0.5 }],
    ['cacheHits', { cacheHits: Number.POSITIVE_INFINITY }],
    ['revision', { revision: -1 }],
    ['completeUpTo', { completeUpTo: 0 }],
  ])('is refused for its %s', (says, with_) => {
    expect(invalidOutcomes(outcomes(with_))).toContain(says);
  });

  it('may be of any length that divides the minute, and has to be over', () => {
    for (const seconds of WINDOW_SECONDS)
      expect(invalidOutcomes(outcomes({ windowEnd: NOON + seconds * 1_000 }), NOON + MINUTE)).toBeNull();
    expect(invalidOutcomes(outcomes(), NOON - 11 * MINUTE)).toContain('ahead of the local clock');
  });

  const count = fc.nat(1_000_000);
  const windows = fc.record({
    ...{
      status200: count,
      status404: count,
      status429: count,
      status500: count,
      statusOther: count,
    },
    ...{
      paymentOrderCredits: count,
      cacheHits: fc.option(count),
      paymentOrders: fc.option(count),
      revision: count,
    },
    completeUpTo: fc.option(fc.nat(1e9).map((more) => NOON + more)),
    ...{
      source: fc.constantFrom(UNNAMED, 'a|b', 'ação'),
      operation: fc.constantFrom(UNNAMED, 'getEntry'),
    },
  });

  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(windows, (with_) => {
        const event = outcomes(with_);
        expect(decodeOutcomes(encodeOutcomes(event))).toEqual(event);
      }),
    );
  });

  it('of version 1 is one of nobody named, without a revision', () => {
    const { source: _s, operation: _o, revision: _r, ...first } = outcomes({ status200: 7, paymentOrderCredits: 3 });
    const payload = avroType('RequestOutcomesObserved', 1).toBuffer(first);
    const properties = {
      event_type: 'RequestOutcomesObserved',
      schema_version: '1',
    };
    const decoded = decodeOutcomes({
      key: '12345678:CLAIMS_READ',
      payload,
      properties,
    });
    expect(decoded).toEqual(outcomes({ status200: 7, paymentOrderCredits: 3 }));
  });

  it('needs no properties; another type is passed over, what is none is poison', () => {
    const { properties: _, ...message } = encodeOutcomes(outcomes());
    expect(decodeOutcomes({ ...message, properties: {} })).toEqual(outcomes());
    expect(decodeOutcomes({ ...message, properties: { event_type: 'Newer' } })).toBeNull();
    expect(() => decodeOutcomes({ ...message, properties: { schema_version: '3' } })).toThrow('version "3"');
    expect(() => decodeOutcomes({ ...message, properties: {}, key: 'other:key' })).toThrow('not the event');
    expect(() => decodeOutcomes({ ...message, properties: {}, payload: Buffer.from('x') })).toThrow('not a Request');
  });
});

describe('topic request-outcomes [CALLS-1]', () => {
  it('is there, and has no relay', () => {
    expect(TOPICS).toContain(REQUEST_OUTCOMES);
    expect(RELAYED_TOPICS).not.toContain(REQUEST_OUTCOMES.name);
  });

  it('has what publishers stored, under ids that follow from the window; one that can’t be stores nothing', async () => {
    const publishers = [1, 2].map(async () => await openOutcomesPublisher(log, () => NOON + MINUTE, never));
    const window = outcomes({ source: 'a', status200: 5 });
    for (const publisher of await Promise.all(publishers))
      await publisher.publish([window, { ...window, revision: 1 }]);
    const [one] = await Promise.all(publishers);
    await expect(one?.publish([window, outcomes({ status200: -1 })])).rejects.toThrow(InvalidOutcomesError);
    const ids = (await readAll(log, REQUEST_OUTCOMES.name)).map(({ properties }) => properties['event_id']);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(2);
    for (const publisher of await Promise.all(publishers)) await publisher.close();
  });
});
