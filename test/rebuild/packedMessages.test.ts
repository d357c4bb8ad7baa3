/** Messages come out of their packing as they went in, whatever they hold. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pack, transferOf, unpack } from '../../src/rebuild/packedMessages.ts';

const message = fc.record({
  partition: fc.nat(40),
  position: fc.string(),
  key: fc.constantFrom('12345678:A', '12345678:B', '', 'ü:\n'),
  payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  // Few names and values, so that neighbours are often the same, and often nearly.
  properties: fc.dictionary(fc.constantFrom('event_type', 'schema_version', 'x'), fc.constantFrom('1', '2')),
  eventTime: fc.integer({ min: 0, max: 4_102_444_800_000 }),
});

it('packing and unpacking give the same messages, through another thread too', () => {
  fc.assert(
    fc.property(fc.array(message), (records) => {
      const messages = records.map((record) => ({ topic: 'policy-states', ...record }));
      const packed = pack(messages);
      const sent = structuredClone(packed, { transfer: transferOf(packed) });
      expect(unpack(sent)).toEqual(messages);
    }),
  );
});
