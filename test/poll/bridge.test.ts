import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerFromWire, answerToWire, bridgeService, listMethod } from '../../src/codec/bridge.ts';
import type { PoliciesAnswer } from '../../src/domain/validation.ts';

const method = listMethod(bridgeService());
const overTheWire = (answer: PoliciesAnswer): PoliciesAnswer =>
  answerFromWire(method.responseDeserialize(method.responseSerialize(answerToWire(answer))));

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const reading = fc.record({
  name: fc.string({ unit: 'grapheme' }),
  availableTokens: int32,
  capacity: int32,
  refillTokens: int32,
  refillPeriodSec: int32,
});
const answers: fc.Arbitrary<PoliciesAnswer> = fc.record({
  responseTime: fc.option(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })),
  category: fc.option(fc.string({ unit: 'grapheme', minLength: 1 })),
  policies: fc.array(reading, { maxLength: 5 }),
});

describe('the converter of the Bridge', () => {
  it('carries every answer over the wire and back unchanged', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(overTheWire(answer)).toEqual(answer);
      }),
    );
  });

  it('floors the response time to milliseconds, before 1970 too', () => {
    const at = (seconds: number, nanos: number) =>
      answerFromWire({ response_time: { seconds, nanos }, category: 'A', policies: [] }).responseTime;
    expect(at(1_789_905_600, 123_999_999)).toBe(1_789_905_600_123);
    expect(at(-1, 999_999_999)).toBe(-1);
  });

  it('reads an empty message as no time, no category and no policies', () => {
    const empty = answerFromWire(method.responseDeserialize(Buffer.alloc(0)));
    expect(empty).toEqual({ responseTime: null, category: null, policies: [] });
  });

  it('ignores fields that a newer Bridge adds', () => {
    const known = method.responseSerialize(answerToWire({ responseTime: 5_000, category: 'H', policies: [] }));
    const added = Buffer.from([0x7a, 0x02, 0x68, 0x69]);
    const read = answerFromWire(method.responseDeserialize(Buffer.concat([known, added])));
    expect(read).toEqual({ responseTime: 5_000, category: 'H', policies: [] });
  });
});
